"""The local modules that a function reaches, taken by content as they are on disk now.

Imports are followed through syntax trees, not by importing, so that an edited file counts as edited.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path

from torc_nb.errors import CannotCapture
from torc_nb.functions.places import find_spec, is_excluded, is_standard, source_location
from torc_nb.functions.record import ModuleSource
from torc_nb.functions.syntax import Import, imports_in


@dataclass
class Snapshot:
    """Local modules and their syntax trees by name, and the top-level installed packages that are used besides."""

    modules: dict[str, ModuleSource] = field(default_factory=dict)
    trees: dict[str, ast.Module] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)

    def package_of(self, name: str) -> str:
        """What relative imports in a module start from."""
        return name if self.modules[name].is_package else name.rpartition(".")[0]


def take(names: Iterable[str], *, loaded: bool = True) -> Snapshot:
    """Snapshot the local modules among `names` and all those they import.

    Parameters
    ----------
    names
        Dotted names; those that turn out to be no modules are passed over.
    loaded
        Whether what this process has imported says where a module is; otherwise ``sys.path`` alone.

    Raises
    ------
    CannotCapture
        A local module cannot be read as Python.
    """
    importlib.invalidate_caches()
    snapshot = Snapshot()
    seen: set[str] = set()
    specs: dict[str, ModuleSpec | None] = {}
    _follow(snapshot, seen, specs, sorted(names), loaded)
    # What this process has imported below a package may be needed by a way that cannot be read from the text, so its
    # content travels. What it imports in turn is not counted as used: workers would import all of it beforehand.
    installed = frozenset(snapshot.installed)
    while below := sorted(set(_imported_below(snapshot)) - seen):
        _follow(snapshot, seen, specs, below, loaded)
    snapshot.installed = set(installed)
    return snapshot


def _follow(
    snapshot: Snapshot, seen: set[str], specs: dict[str, ModuleSpec | None], names: list[str], loaded: bool
) -> None:
    """Add modules and all those that they name."""
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in seen or not name or name.startswith(".") or is_excluded(name):
            seen.add(name)
            continue
        seen.add(name)
        parent, _, _ = name.rpartition(".")
        if parent and parent not in seen:
            pending += [name, parent]
            seen.discard(name)
            continue
        pending += _add(snapshot, specs, name, loaded)


def _add(snapshot: Snapshot, specs: dict[str, ModuleSpec | None], name: str, loaded: bool) -> list[str]:
    """Add one module whose parents were looked at already; return the names it leads to."""
    parent, _, _ = name.rpartition(".")
    if parent and parent not in snapshot.modules:
        return []
    above = specs.get(parent)
    if parent and (above is None or above.submodule_search_locations is None):
        return []
    specs[name] = spec = find_spec(name, above.submodule_search_locations if above else None, loaded=loaded)
    location = source_location(spec) if spec else None
    if spec is None or location is None:
        if spec is not None and not parent and not is_standard(name):
            snapshot.installed.add(name)
        return []
    source = _read(name, location, is_package=spec.submodule_search_locations is not None)
    snapshot.modules[name] = source
    snapshot.trees[name] = tree = _parse(source)
    return list(_mentioned(imports_in(tree, snapshot.package_of(name)), tree))


def _read(name: str, location: str, *, is_package: bool) -> ModuleSource:
    path = Path(location)
    return ModuleSource(name, location, path.read_bytes() if path.is_file() else b"", is_package)


def _parse(source: ModuleSource) -> ast.Module:
    try:
        return ast.parse(source.content, source.path)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        at = f" line {line}" if line else ""
        raise CannotCapture(f"{source.path}{at}: {getattr(error, 'msg', error)}. Correct it and map again.") from error


def _mentioned(imports: Iterable[Import], tree: ast.Module) -> Iterable[str]:
    for found in imports:
        yield found.loads
        if found.name == "*":
            yield from (f"{found.module}.{name}" for name in _exported(tree))
        elif found.name is not None:
            yield f"{found.module}.{found.name}"


def _exported(tree: ast.Module) -> Iterable[str]:
    """Strings of the module's ``__all__``: those of a package may be submodules."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            for item in ast.walk(node.value):
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield item.value


def _imported_below(snapshot: Snapshot) -> list[str]:
    """What this process has imported of the packages in a snapshot."""
    packages = tuple(f"{name}." for name, module in snapshot.modules.items() if module.is_package)
    return [name for name in list(sys.modules) if name.startswith(packages)]
