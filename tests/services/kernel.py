"""A real Jupyter kernel for the tests, told what to run as a notebook's cells would."""

from __future__ import annotations

import os
import queue
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config


def sockets(folder: str) -> dict[str, str]:
    """Let a kernel be reached through sockets in a folder, whose path has to be short.

    Jupyter's own way is to look for free ports, which the kernel takes a second later, when one may be another's.
    """
    return {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run a notebook that lies in a folder from top to bottom; its cells have their outputs then."""
    _make_home()
    with tempfile.TemporaryDirectory(prefix="torc-nb-kernel-") as connections:
        config = Config(KernelManager=sockets(connections))
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources, config=config).execute()


def _make_home() -> None:
    if "IPYTHONDIR" in os.environ:  # IPython warns of a folder whose parent is not there yet
        Path(os.environ["IPYTHONDIR"]).mkdir(parents=True, exist_ok=True)


class CellFailed(AssertionError):
    """A cell raised; the message has the traceback."""


class Kernel:
    """An ipykernel in a folder of its own.

    Parameters
    ----------
    folder : Path
        Where its notebook would be.
    variables : mapping, optional
        Environment variables beside this process's.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        _make_home()
        #: What stands in the places that are displayed and updated, by display id, in the order of their making.
        self.places: dict[str, dict[str, str]] = {}
        self._connections = tempfile.TemporaryDirectory(prefix="torc-nb-kernel-")
        self._manager = KernelManager(kernel_name="python3", **sockets(self._connections.name))
        environment = os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"} | dict(variables or {})
        self._manager.start_kernel(cwd=str(folder), env=environment)
        self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        self._connections.cleanup()

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        return int(self._manager.provisioner.pid)  # type: ignore[union-attr]

    def run(self, code: str, seconds: float = 60) -> str:
        """Run a cell; returns what it printed, and the text of its last value."""
        return self._collect(self._execute(code), seconds)

    def begin(self, code: str) -> str:
        """Begin a cell and do not wait for it; what it returns is for `finish`."""
        return self._execute(code)

    def finish(self, begun: str, seconds: float = 60) -> str:
        """Wait for a cell that was begun, before another one is sent; returns what `run` does."""
        return self._collect(begun, seconds)

    def answer(self, text: str, seconds: float = 60) -> None:
        """Type a line where a cell that was begun asks for one."""
        self._client.get_stdin_msg(timeout=seconds)
        self._client.input(text)

    def sees(self, code: str, seconds: float = 60) -> str:
        """Run a cell that may fail; returns all that stands below it then, without colours."""
        return re.sub(r"\x1b\[[\d;]*m", "", self._collect(self._execute(code), seconds, may_fail=True))

    def pager(self, code: str) -> str:
        """Run a cell and return what it opens the pager with."""
        return "".join(page["data"]["text/plain"] for page in self._reply(self._execute(code)).get("payload", ()))

    def completions(self, code: str) -> list[str]:
        """Press Tab at the end of a cell; returns the cell as each offer would make it, in their order."""
        offered = self._reply(self._client.complete(code))
        return [code[: offered["cursor_start"]] + match + code[offered["cursor_end"] :] for match in offered["matches"]]

    def tooltip(self, code: str) -> str:
        """Press Shift-Tab at the end of a cell; "" where there is nothing to say."""
        return str(self._reply(self._client.inspect(code, len(code)))["data"].get("text/plain", ""))

    def wait_for_place(self, is_there: Callable[[dict[str, str]], bool], seconds: float = 30) -> dict[str, str]:
        """Listen while no cell runs, until the newest place shows what is waited for; returns it."""
        deadline = time.monotonic() + seconds
        while not is_there(shown := list(self.places.values())[-1]):
            try:
                self._note_place(self._client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"after {seconds} s it shows {shown}") from None
        return shown

    def interrupt(self) -> None:
        """Press the stop button."""
        self._manager.interrupt_kernel()

    def restart(self) -> None:
        """Restart, as the menu does."""
        self._client.stop_channels()
        self._manager.restart_kernel()
        self._connect()

    def shut_down(self) -> None:
        """Shut down, as the menu does."""
        self._manager.shutdown_kernel()

    def kill(self) -> None:
        """Kill it with signal 9."""
        self._manager.signal_kernel(9)

    def _connect(self) -> None:
        self._client: Any = self._manager.client()
        self._client.start_channels()
        self._is_ready = False

    def _execute(self, code: str) -> str:
        """Send a cell; the first one waits for the kernel, so that several kernels start side by side."""
        if not self._is_ready:
            self._client.wait_for_ready(timeout=60)
            self._is_ready = True
        return str(self._client.execute(code, stop_on_error=False))  # else those sent next would be left out

    def _reply(self, request: str) -> dict[str, Any]:
        while True:
            message = self._client.get_shell_msg(timeout=60)
            if message["parent_header"].get("msg_id") == request:
                return dict(message["content"])

    def _note_place(self, message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "update_display_data"):
            content = message["content"]
            place = content.get("transient", {}).get("display_id")
            if place and content["data"].get("text/plain"):  # a widget beside a picture has no text
                self.places[place] = content["data"]

    def _collect(self, request: str, seconds: float, *, may_fail: bool = False) -> str:
        deadline = time.monotonic() + seconds
        printed: list[str] = []
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise CellFailed(f"the cell did not end within {seconds} s; it printed:\n{''.join(printed)}") from None
            self._note_place(message)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed.append(content["text"])
            elif kind in ("execute_result", "display_data"):
                printed.append(content["data"].get("text/plain", ""))
            elif kind == "error" and may_fail:
                printed.append("\n".join([*content["traceback"], ""]))
            elif kind == "error":
                raise CellFailed("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return "".join(printed)
