"""Random numbers: no two rows share a stream, and a rerun repeats itself."""

from __future__ import annotations

import importlib.abc
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_NUMPY = "numpy.random"


class Seeds(importlib.abc.MetaPathFinder):
    """Seeds ``random`` and ``numpy.random`` for each row; the latter at its import, where a job is what imports it."""

    def __init__(self, workflow: int) -> None:
        self._workflow = workflow
        self._row = 0
        if _NUMPY not in sys.modules:
            sys.meta_path.insert(0, self)

    def sow(self, row: int) -> None:
        """Begin the row's own streams."""
        self._row = row
        random.seed(self._workflow << 64 | row)
        if _NUMPY in sys.modules:
            self._sow_numpy()

    @contextmanager
    def sown(self, row: int) -> Iterator[None]:
        """Let a row's own streams stand in the place of this process's for a while."""
        before = random.getstate()
        numpy_before = sys.modules[_NUMPY].get_state() if _NUMPY in sys.modules else None
        self.sow(row)
        try:
            yield
        finally:
            random.setstate(before)
            if numpy_before is not None:
                sys.modules[_NUMPY].set_state(numpy_before)
            if self in sys.meta_path:
                sys.meta_path.remove(self)

    def _sow_numpy(self) -> None:
        numpy_random: Any = sys.modules[_NUMPY]
        numpy_random.seed([self._workflow & 0xFFFFFFFF, self._row & 0xFFFFFFFF, self._row >> 32])

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - the name is importlib's
    ) -> ModuleSpec | None:
        """Find ``numpy.random`` as ever, and have it seeded when it has been imported."""
        if fullname != _NUMPY:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self._sow_numpy)
        return spec


class _Then(importlib.abc.Loader):
    """Loads a module as another loader does, then does something more."""

    def __init__(self, loader: Any, then: Any) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        module.__loader__ = self._loader
        if spec is not None:
            spec.loader = self._loader
        self._loader.exec_module(module)
        self._then()
