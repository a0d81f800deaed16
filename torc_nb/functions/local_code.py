"""What a name of a local module means, read from its text alone.

A name means the statements that bind it and the names these use in turn; one imported from an installed package means
its import. What a module does when imported (calls, registrations by decorator, items set) belongs to every name of
it. Where this cannot be told apart, the whole module counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torc_nb.functions.snapshot import Snapshot
from torc_nb.functions.syntax import Import, canonical, does_nothing, dotted_names, imports_in

WHOLE = "*"
"""In place of a name: everything in the module."""
IMPORTED = ""
"""In place of a name: what importing the module does."""

_BLOCKS = (ast.If, ast.Try, ast.TryStar)


@dataclass(frozen=True)
class Place:
    """A name of a local module, or `WHOLE`, or `IMPORTED`."""

    module: str
    name: str


class LocalCode:
    """The local modules of a snapshot as a graph of places."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._modules: dict[str, _Module] = {}
        self._hooks = any(b"__init_subclass__" in source.content for source in snapshot.modules.values())

    def __contains__(self, module: str) -> bool:
        return module in self._snapshot.modules

    def text(self, place: Place) -> str:
        """The statements of a place in normal form."""
        return "\n".join(canonical(statement) for statement in self._statements(place))

    def uses(self, place: Place) -> Iterator[Place]:
        """The places that a place uses."""
        module = self._module(place.module)
        parent = place.module.rpartition(".")[0]
        if place.name == IMPORTED:
            if parent in self:
                yield Place(parent, IMPORTED)
            for found in module.imports:
                yield from (Place(name, IMPORTED) for name in self._modules_of(found))
        else:
            yield Place(place.module, IMPORTED)
        if place.name == WHOLE:
            for found in module.imports:
                yield from self.imported(found, ())
        for statement in self._statements(place):
            inside = list(imports_in(statement, self._snapshot.package_of(place.module)))
            for found in inside:
                yield from (Place(name, IMPORTED) for name in self._modules_of(found))
                if found.alias is None:
                    yield from self.imported(found, ())
            for path in dotted_names(statement):
                yield from self._named(place.module, path, inside)

    def attribute(self, module: str, path: tuple[str, ...]) -> Iterator[Place]:
        """What ``module.a.b`` with path ("a", "b") means; the whole module where there is no path."""
        if not path:
            yield Place(module, WHOLE)
            return
        yield Place(module, IMPORTED)
        head, rest = path[0], path[1:]
        known = self._module(module)
        submodule = f"{module}.{head}"
        bound_here = head in known.bindings
        aliases = [found for found in known.imports if found.alias == head]
        if bound_here:
            yield Place(module, head)
        for found in aliases:
            if found.module == module and found.name == head and submodule in self:
                continue  # `from . import head`: the submodule, below
            yield from self.imported(found, rest)
        if submodule in self and not bound_here:
            yield from self.attribute(submodule, rest)
        elif not bound_here and not aliases:
            yield from self._elsewhere(module, path)

    def imported(self, found: Import, path: tuple[str, ...]) -> Iterator[Place]:
        """What is reached by `path` from the name that an import binds."""
        if found.module not in self:
            return
        if found.name is None:
            yield from self.attribute(found.module, path)
        elif found.name == "*":
            yield Place(found.module, WHOLE)
        else:
            yield from self.attribute(found.module, (found.name, *path))

    def _named(self, module: str, path: tuple[str, ...], inside: Iterable[Import]) -> Iterator[Place]:
        """What a dotted name in a statement of the module refers to, if to anything local."""
        for found in inside:
            if found.alias == path[0]:
                yield from self.imported(found, path[1:])
        known = self._module(module)
        if path[0] in known.bindings:
            yield Place(module, path[0])
        for found in known.imports:
            if found.alias == path[0]:
                yield from self.imported(found, path[1:])
            elif found.name == "*" and found.module in self and path[0] in self._module(found.module).bound_names():
                yield from self.attribute(found.module, path)

    def _elsewhere(self, module: str, path: tuple[str, ...]) -> Iterator[Place]:
        """A name that the text does not bind: it came by ``import *``, or by something only running would tell."""
        stars = [found.module for found in self._module(module).imports if found.name == "*" and found.module in self]
        for star in stars:
            if path[0] in self._module(star).bound_names():
                yield from self.attribute(star, path)
                return
        yield Place(module, WHOLE)
        yield from (Place(star, WHOLE) for star in stars)

    def _modules_of(self, found: Import) -> list[str]:
        """Local modules that run when an import statement does."""
        candidates = {found.loads, found.module, f"{found.module}.{found.name}"}
        return sorted(name for name in candidates if name in self)

    def _statements(self, place: Place) -> list[ast.stmt]:
        module = self._module(place.module)
        if place.name == WHOLE:
            return module.body
        return module.effects if place.name == IMPORTED else module.bindings.get(place.name, [])

    def _module(self, name: str) -> _Module:
        if name not in self._modules:
            tree, package = self._snapshot.trees[name], self._snapshot.package_of(name)
            self._modules[name] = _Module(tree, package, set(self._snapshot.modules), hooks=self._hooks)
        return self._modules[name]


class _Module:
    """The top-level statements of one module, by what they are for."""

    def __init__(self, tree: ast.Module, package: str, local: set[str], *, hooks: bool) -> None:
        self.body = [node for node in tree.body if not does_nothing(node) and not _runs_as_script_only(node)]
        self.imports = [found for node in self.body if not _is_definition(node) for found in imports_in(node, package)]
        self.bindings: dict[str, list[ast.stmt]] = {}
        for statement in self.body:
            for name in bound_by(statement):
                self.bindings.setdefault(name, []).append(statement)
            self._bind_foreign(statement, package, local)
        foreign = {found.alias for found in self.imports if found.loads not in local}
        self._own = (set(self.bindings) | {found.alias for found in self.imports}) - foreign
        self.effects = [node for node in self.body if self._has_effect(node, hooks) or _takes_all(node, package, local)]

    def _bind_foreign(self, statement: ast.stmt, package: str, local: set[str]) -> None:
        """Note where names of installed packages come from: ``from math import sin as f`` may become ``cos as f``."""
        if _is_definition(statement):
            return
        for found in imports_in(statement, package):
            if found.alias is None or found.loads in local:
                continue
            bound = self.bindings.setdefault(found.alias, [])
            # Of a plain import the one name; inside `try` or `if` all of it, as it decides which import is made.
            alone = _alone(found) if isinstance(statement, (ast.Import, ast.ImportFrom)) else statement
            if canonical(alone) not in map(canonical, bound):
                bound.append(alone)

    def bound_names(self) -> frozenset[str]:
        return frozenset(self.bindings) | {found.alias for found in self.imports if found.alias}

    def _has_effect(self, node: ast.stmt, hooks: bool) -> bool:
        """Whether importing the module does more by this statement than bind a name."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return False
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._registers(node.decorator_list)
        if isinstance(node, ast.ClassDef):
            noticed_by_base = hooks and self._registers(node.bases)
            return bool(node.keywords) or noticed_by_base or self._registers(node.decorator_list)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return not all(_binds_names_only(target) for target in targets)
        if isinstance(node, _BLOCKS):
            return any(self._has_effect(inner, hooks) for inner in _inner(node))
        return not does_nothing(node)

    def _registers(self, expressions: list[ast.expr]) -> bool:
        """Whether a decorator or base class is the user's own, which may note what it is given."""
        return any(path[0] in self._own for expression in expressions for path in dotted_names(expression))


def bound_by(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds, import statements aside."""
    if _is_definition(statement):
        return {statement.name}  # type: ignore[attr-defined]
    names: set[str] = set()
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if _is_definition(node):
            names.add(node.name)  # type: ignore[attr-defined]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return names


def _alone(found: Import) -> ast.stmt:
    """The import statement of one name."""
    name = ast.alias(found.name or found.module, found.alias)
    return ast.Import([name]) if found.name is None else ast.ImportFrom(found.module, [name], 0)


def _takes_all(node: ast.stmt, package: str, local: set[str]) -> bool:
    """Whether it is ``import *`` from an installed package, of which any name may be used."""
    return isinstance(node, ast.ImportFrom) and any(
        found.name == "*" and found.loads not in local for found in imports_in(node, package)
    )


def _is_definition(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _binds_names_only(target: ast.expr) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(map(_binds_names_only, target.elts))
    return isinstance(target, ast.Name) or (isinstance(target, ast.Starred) and _binds_names_only(target.value))


def _inner(node: ast.stmt) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody"):
        yield from getattr(node, name, [])
    for handler in getattr(node, "handlers", []):
        yield from handler.body


def _runs_as_script_only(node: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":`` without an ``else``."""
    if not isinstance(node, ast.If) or node.orelse or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return names == ["__name__"] and values == ["__main__"] and isinstance(node.test.ops[0], ast.Eq)
