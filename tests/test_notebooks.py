"""Every example notebook runs from top to bottom and shows what it shows in the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_notebook(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A notebook's cells give their stored outputs; one with slurm in its name has the private cluster."""
    if "slurm" in name:
        request.getfixturevalue("slurm")
    # In a copy: a notebook makes its database beside itself, and the repository's settings of pytest are not for it.
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".*"))
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", "-p", "no:cacheprovider"]
    if (patterns := folder / "sanitize.cfg").exists():
        options.append(f"--nbval-sanitize-with={patterns}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--rootdir={folder}", *options, name],
        cwd=folder,
        env=os.environ | {"TORC_NB_PROGRESS": "plain"},  # a bar's pace is never twice the same
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
