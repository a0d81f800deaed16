"""Cells and local modules played in this process: quick enough for hundreds of programs, with real files and names."""

from __future__ import annotations

import importlib
import itertools
import linecache
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torc_nb.functions import Function, capture


class Cells:
    """A notebook's folder and the names of its kernel, which each play begins anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1000)
        self._played: list[str] = []

    def capture(
        self, *cells: str, modules: Mapping[str, str] | None = None, name: str = "run", source: bool = True
    ) -> Function:
        """Write the modules, run the cells as ipykernel does, and capture a function.

        Parameters
        ----------
        source
            Whether Python can find the cells' text; under ``%%time``, for one, it cannot.
        """
        with self._files(modules or {}):
            names: dict[str, Any] = {"__name__": "__main__"}
            for cell in cells:
                filename = self._filename(cell) if source else "<timed exec>"
                exec(compile(cell, filename, "exec", dont_inherit=True), names)
            return capture(names[name])

    def digest(self, *cells: str, **options: Any) -> bytes:
        """What the captured function means."""
        return self.capture(*cells, **options).digest

    def forget(self) -> None:
        """Drop the text of the cells played so far."""
        for filename in self._played:
            linecache.cache.pop(filename, None)
        self._played.clear()

    def _filename(self, cell: str) -> str:
        filename = f"/tmp/ipykernel_{next(self._numbers)}/{next(self._numbers)}.py"
        linecache.cache[filename] = (len(cell), None, cell.splitlines(keepends=True), filename)
        self._played.append(filename)
        return filename

    @contextmanager
    def _files(self, modules: Mapping[str, str]) -> Iterator[None]:
        for name, text in modules.items():
            path = self._folder / f"{name}.py"
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            linecache.cache.pop(str(path), None)
        importlib.invalidate_caches()
        sys.path.insert(0, str(self._folder))
        writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # two versions may be of the same second
        try:
            yield
        finally:
            sys.dont_write_bytecode = writes
            sys.path.remove(str(self._folder))
            for name in modules:
                sys.modules.pop(name, None)
