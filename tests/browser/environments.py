"""Environments of JupyterLab that are not the kernel's own, as many sites have them; made once, by pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "environments"

_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "5")


def plain_lab() -> Path:
    """The interpreter of an environment of JupyterLab alone: no ipywidgets, no anywidget, no torc_nb."""
    folder = FOLDER / "plain-lab"
    python = folder / "bin" / "python"
    wanted = [f"jupyterlab=={version('jupyterlab')}"]
    if not _stands(folder, wanted):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, *_PIP, *wanted], check=True)
        _stamp(folder, wanted)
    return python


def widgets_of_lab() -> Path:
    """A folder ``share/jupyter`` in which there is ipywidgets' part of JupyterLab, and nothing else."""
    folder = FOLDER / "widgets"
    wanted = [f"jupyterlab_widgets=={version('jupyterlab_widgets')}"]
    if not _stands(folder, wanted):
        subprocess.run([sys.executable, *_PIP, "--no-deps", "--target", folder, *wanted], check=True)
        _stamp(folder, wanted)
    return folder / "share" / "jupyter"


def _stands(folder: Path, wanted: list[str]) -> bool:
    """Whether it is there as wanted; what is there otherwise, half of one perhaps, is removed."""
    stamp = folder / "stamp"
    if stamp.exists() and stamp.read_text() == _content(wanted):
        return True
    shutil.rmtree(folder, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    return False


def _stamp(folder: Path, wanted: list[str]) -> None:
    (folder / "stamp").write_text(_content(wanted))


def _content(wanted: list[str]) -> str:
    return "\n".join([sys.version, str(FOLDER), *wanted])  # an environment cannot be moved
