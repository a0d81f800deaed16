"""A stored function called in a process that goes on with its own modules: the user's kernel."""

from __future__ import annotations

import importlib.util
import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from torc_nb.functions.load import importing, loaded, remember_lines
from torc_nb.functions.record import Function, Loaded


class Borrowed:
    """A stored function, callable here within `in_place`.

    Parameters
    ----------
    function
        Its local modules are those of the snapshot while it is called, and this process's own again afterwards.

    Raises
    ------
    CannotLoad
        It was captured by another minor version of Python, or needs a package that is not installed here.
    """

    def __init__(self, function: Function) -> None:
        self._function = function
        self._modules: dict[str, ModuleType] = {}  # the snapshot's, as imported here
        for filename, text in function.sources.items():
            remember_lines(filename, text)  # a cell's file name is that of no other text
        with self.in_place():
            self.loaded: Loaded = loaded(function)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the function's local modules, and their lines, stand in the place of this process's for a while."""
        with importing(self._function.modules), self._lines():
            sys.modules.update(self._modules)
            try:
                yield
            finally:
                names = [source.name for source in self._function.modules]
                self._modules = {name: sys.modules[name] for name in names if name in sys.modules}

    @contextmanager
    def _lines(self) -> Iterator[None]:
        files = [source for source in self._function.modules if source.path.endswith(".py")]
        for source in files:
            remember_lines(source.path, importlib.util.decode_source(source.content))
        try:
            yield
        finally:
            for source in files:
                linecache.cache.pop(source.path, None)  # it is read again where it is asked for
