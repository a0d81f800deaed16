"""From something stored to a callable in this process, usually a worker's child.

Local modules come from the snapshot, never from the current folder. One process holds one snapshot of a module at a
time: loading a function with another snapshot replaces the modules of the one before. What was loaded first keeps the
modules it was bound to, but imports made inside its body would find the new ones, so a worker gives each snapshot a
child of its own.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import linecache
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from torc_nb.errors import CannotLoad
from torc_nb.functions.record import Function, Loaded, ModuleSource


def load(function: Function) -> Loaded:
    """Make a stored function callable here.

    Raises
    ------
    CannotLoad
        It was captured by another minor version of Python, or needs a package that is not installed here.
    """
    _check_python(function)
    _FINDER.replace(function.modules)
    for filename, text in function.sources.items():
        remember_lines(filename, text)
    return loaded(function)


def loaded(function: Function) -> Loaded:
    """Make a stored function callable, with the modules that this process would import now.

    Raises
    ------
    CannotLoad
        As `load`.
    """
    _check_python(function)
    try:
        if function.module is not None:
            return Loaded(attribute(importlib.import_module(function.module), function.name), {})
        call, classes = pickle.loads(function.payload)
    except ModuleNotFoundError as error:
        raise CannotLoad(
            f"`{function.name}` needs the module {error.name}, which cannot be imported here with {sys.executable}. "
            "Install it there, or start the worker in the environment of the notebook"
        ) from error
    except Exception as error:
        raise CannotLoad(f"`{function.name}` cannot be loaded: {type(error).__name__}: {error}") from error
    return Loaded(call, classes)


def classes_of(function: Function) -> dict[str, type]:
    """The notebook's classes that travelled with a function, by name; this process is left as it was.

    Those of its parameters, and those that it names itself, of which its results may be.

    Raises
    ------
    CannotLoad
        As `load`.
    """
    _check_python(function)
    if not function.payload:
        return {}
    with importing(function.modules):
        try:
            call, classes = pickle.loads(function.payload)
        except Exception as error:
            raise CannotLoad(f"`{function.name}` cannot be loaded: {type(error).__name__}: {error}") from error
    named = getattr(getattr(call, "func", call), "__globals__", {})  # of a partial, its function's
    own = {f"{one.__module__}:{one.__qualname__}": one for one in named.values() if isinstance(one, type)}
    return {**own, **classes}


def attribute(module: ModuleType, name: str) -> Any:
    """Look up a dotted name in a module."""
    value: Any = module
    for step in name.split("."):
        value = getattr(value, step)
    return value


def remember_lines(filename: str, text: str) -> None:
    """Let tracebacks show these lines, whatever the file holds now or whether it exists."""
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)


@contextmanager
def importing(modules: Sequence[ModuleSource]) -> Iterator[None]:
    """Import these modules from their snapshot for a while, then leave this process as it was."""
    names = {source.name for source in modules}
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    finder = _SnapshotFinder()
    finder.replace(modules)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


class _SnapshotFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of one snapshot before anything else is asked."""

    def __init__(self) -> None:
        self._sources: Mapping[str, ModuleSource] = {}

    def replace(self, modules: Sequence[ModuleSource]) -> None:
        """Serve these modules from now on, forgetting what was imported under their names."""
        sources = {source.name: source for source in modules}
        if any(not self._serves(source) for source in modules):
            for name in {*sources, *self._sources}:
                sys.modules.pop(name, None)
            self._sources = sources
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the names are importlib's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        source = self._sources.get(fullname)
        if source is None:
            return None
        loader = _SnapshotLoader(source)
        if not source.path.endswith(".py"):
            spec = ModuleSpec(fullname, loader, is_package=True)
            spec.submodule_search_locations = [source.path]
            return spec
        return importlib.util.spec_from_loader(fullname, loader, is_package=source.is_package)

    def _serves(self, source: ModuleSource) -> bool:
        return self._sources.get(source.name) == source


class _SnapshotLoader(importlib.abc.ExecutionLoader):
    """Runs one module of a snapshot as if it were still the file it was."""

    def __init__(self, source: ModuleSource) -> None:
        self._source = source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002
        return self._source.path

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        return importlib.util.decode_source(self._source.content)

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002
        return self._source.is_package

    def exec_module(self, module: ModuleType) -> None:
        remember_lines(self._source.path, self.get_source(module.__name__))
        super().exec_module(module)


_FINDER = _SnapshotFinder()


def _check_python(function: Function) -> None:
    here = sys.version_info[:2]
    if function.payload and function.python != here:
        made, runs = (".".join(map(str, version)) for version in (function.python, here))
        raise CannotLoad(
            f"`{function.name}` was mapped with Python {made}, this worker runs {runs}, and a function's code does not "
            f"carry over. Start the worker with Python {made}, or map again from a notebook with Python {runs}"
        )
