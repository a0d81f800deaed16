"""A real kernel with the extension loaded, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.kernel import Kernel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The kernel's folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def kernel(folder: Path) -> Iterator[Kernel]:
    """The kernel."""
    with Kernel(folder) as kernel:
        kernel.run("%load_ext torc_nb")
        yield kernel
