"""A real Jupyter server for the tests, with settings, kernels and a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from services.keeper import Keeper, end_all
from services.ports import free_ports
from services.workers import SEARCH_PATH

#: The only kernel that its notebooks can have.
KERNEL = {"name": "torc-nb-tests", "display_name": "Python 3 (ipykernel)", "language": "python"}

#: The module and the class of each.
_APPLICATIONS = {"lab": ("jupyterlab", "LabApp"), "notebook": ("notebook", "JupyterNotebookApp")}

#: What a user would have chosen: no questions, no news, and cells that stay on the page when they are scrolled away.
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class JupyterServer:
    """JupyterLab or Notebook 7, gone with all its kernels and their workers when it stops or the tests end.

    Parameters
    ----------
    application : {"lab", "notebook"}
        Which of the two.
    python : str or Path, optional
        The interpreter whose JupyterLab runs; default: that of the tests.
    kernel : str or Path, optional
        The interpreter of the kernels; default: that of the tests, whatever runs the server.
    shared : sequence of Path, optional
        Folders ``share/jupyter`` whose front-end extensions it has beside those of its environment.
    settings : mapping, optional
        Settings of JupyterLab beside the usual ones, by plugin: ``{"@jupyterlab/notebook-extension:tracker": {...}}``.
    variables : mapping, optional
        Environment variables of server and kernels.
    base : str, default ""
        What its addresses begin with, as behind JupyterHub: ``/user/ada``.
    """

    def __init__(
        self,
        application: str = "lab",
        *,
        python: str | Path = sys.executable,
        kernel: str | Path = sys.executable,
        shared: Sequence[Path] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        variables: Mapping[str, str] | None = None,
        base: str = "",
    ) -> None:
        self.application = application
        self._python = Path(python)
        self._kernel = Path(kernel)
        self._shared = list(shared)
        self._settings = dict(settings or {})
        self._variables = dict(variables or {})
        self._base = base
        self._token = secrets.token_hex(16)

    def start(self) -> Self:
        """Start it; returns when it answers."""
        self.folder = Path(tempfile.mkdtemp(prefix="torc-nb-jupyter-")).resolve()
        self._keeper = Keeper(self.folder)
        try:
            self._lay_out()
            self._launch()
            self._wait_until_it_answers()
        except BaseException:
            self._keeper.clean()
            raise
        return self

    def stop(self) -> None:
        """End it, its kernels, what these started, and its folder."""
        self._process.send_signal(signal.SIGTERM)  # it shuts its kernels down then
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._keeper.clean()
        self._process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def make_room(self) -> Path:
        """Make a folder for a notebook, of which no other one knows."""
        return Path(tempfile.mkdtemp(prefix="room-", dir=self.root))

    def clear_room(self, room: Path) -> None:
        """End the kernels of a folder's notebooks, with the workers that outlive these on purpose."""
        for session in self.request("GET", "/api/sessions"):
            if room in (self.root / session["path"]).parents:
                self.request("DELETE", f"/api/sessions/{session['id']}")
        end_all(room, spared={os.getpid()})

    def forget_databases(self) -> None:
        """Let its user have opened no database so far."""
        shutil.rmtree(self.state / "torc_nb", ignore_errors=True)

    def settle(self) -> None:
        """Set the settings back to those that it started with; a page that is opened then has them."""
        shutil.rmtree(self._settings_folder, ignore_errors=True)
        for plugin, chosen in _merged(_SETTINGS, self._settings).items():
            package, _, name = plugin.partition(":")
            path = self._settings_folder / package / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(chosen))

    def address(self, notebook: Path | None = None) -> str:
        """The address under which a browser shows a notebook of one of its folders; without one, JupyterLab alone."""
        path = "" if notebook is None else quote(str(notebook.relative_to(self.root)))
        if self.application == "notebook":
            return self._url(f"/notebooks/{path}", token=self._token)
        # A workspace of its own: no other notebook is open in it.
        workspace = f"/lab/workspaces/tests-{secrets.token_hex(4)}"
        return self._url(f"{workspace}/tree/{path}" if path else workspace, reset="", token=self._token)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call its REST interface; returns what it answers.

        Raises
        ------
        urllib.error.HTTPError
            It refuses.
        """
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self._url(path), data, headers, method=method), timeout=30) as answer:
            read = answer.read()
        return json.loads(read) if read else None

    @property
    def pid(self) -> int:
        """Its process, without its kernels."""
        return self._process.pid

    @property
    def state(self) -> Path:
        """Where it keeps what its user did, such as which databases she opened: her ``XDG_STATE_HOME``."""
        return self.folder / "home" / "state"

    @property
    def log(self) -> str:
        """What it printed so far."""
        return (self.folder / "log").read_text(errors="replace")

    def _url(self, path: str, **query: str) -> str:
        return f"http://127.0.0.1:{self._port}{self._base}{path}" + (f"?{urlencode(query)}" if query else "")

    def _lay_out(self) -> None:
        self.root = self.folder / "root"
        self._settings_folder = self.folder / "settings"
        spec = self.folder / "data" / "kernels" / KERNEL["name"]
        for folder in (self.root, spec, self.folder / "config", self.folder / "home"):
            folder.mkdir(parents=True)
        (spec / "kernel.json").write_text(
            json.dumps(
                {
                    "argv": [str(self._kernel), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                    "display_name": KERNEL["display_name"],
                    "language": KERNEL["language"],
                    "env": {"PYTHONPATH": SEARCH_PATH, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
                    "metadata": {"debugger": True},
                }
            )
        )
        self.settle()

    def _launch(self) -> None:
        module, app = _APPLICATIONS[self.application]
        self._port = free_ports(1)[0]
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self._port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": self.root,
            "ServerApp.base_url": f"{self._base}/",
            "KernelSpecManager.ensure_native_kernel": False,
            "KernelSpecManager.allowed_kernelspecs": f"{{'{KERNEL['name']}'}}",
            "LabApp.extension_manager": "readonly",
            f"{app}.expose_app_in_browser": True,
        }
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", module, *(f"--{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.root,
                env=self._environment(),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        """Variables of this process, but for what would tell of the user's Jupyter, databases or Slurm job."""
        strange = ("JUPYTER", "TORC_NB_", "SLURM_", "SBATCH_", "PYTHON", "VIRTUAL_ENV")
        home = self.folder / "home"
        return (
            {name: value for name, value in os.environ.items() if not name.startswith(strange)}
            | {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
            | {
                "IPYTHONDIR": str(home / "ipython"),
                "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
                "JUPYTER_DATA_DIR": str(self.folder / "data"),
                "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
                "JUPYTERLAB_SETTINGS_DIR": str(self._settings_folder),
                "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
                "JUPYTER_PATH": os.pathsep.join(map(str, self._shared)),
                "JUPYTER_TOKEN": self._token,
            }
            | self._variables
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with suppress(URLError, ConnectionError, TimeoutError):
                try:
                    self.request("GET", "/api/status")
                    return
                except HTTPError as error:
                    raise RuntimeError(f"{self.application} refuses its token: {error}\n{self.log[-3000:]}") from None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.application} did not start:\n{self.log[-3000:]}")
            time.sleep(0.05)


def _merged(usual: Mapping[str, Mapping[str, Any]], own: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {plugin: {**usual.get(plugin, {}), **own.get(plugin, {})} for plugin in {**usual, **own}}
