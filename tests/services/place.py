"""The place of a test: a folder and a home of its own, in a process that has opened nothing yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.workers import SEARCH_PATH
from torc_nb.api import current


def settle(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Work in a folder, and keep the user's settings, databases and Slurm job out of it, and it out of the home."""
    patch.chdir(folder)
    for kind in ("CACHE", "CONFIG", "DATA", "STATE"):
        patch.setenv(f"XDG_{kind}_HOME", str(folder / "home" / kind.lower()))
    patch.setenv("IPYTHONDIR", str(folder / "home" / "ipython"))
    for name in list(os.environ):
        if name.startswith(("TORC_NB_", "SLURM_", "SBATCH_")):
            patch.delenv(name)
    patch.setenv("PYTHONPATH", SEARCH_PATH)
    patch.setattr(current, "_api", None)
    patch.setattr(current, "_workflow_id", None)
