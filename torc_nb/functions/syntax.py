"""Python's syntax trees, read for what they mean: normal form, names used, imports made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_LAYOUT = {"ctx", "kind", "type_comment", "type_ignores"}


@dataclass(frozen=True)
class Import:
    """One name of an import statement.

    Attributes
    ----------
    loads
        The module that the statement imports, absolute.
    alias
        The name it binds; None for ``import *``.
    module
        The module that `alias`, or `name`, is or is taken from.
    name
        What is taken from `module`; "*" for everything, None where the module itself is bound.
    """

    loads: str
    alias: str | None
    module: str
    name: str | None


def canonical(node: object) -> str:
    """Write a tree in normal form: no layout, comments, docstrings, or statements that do nothing."""
    if isinstance(node, ast.Constant):
        return f"{type(node.value).__name__}:{node.value!r}"
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in _LAYOUT)
        written = [f"{name}={canonical(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({','.join(written)})"
    if isinstance(node, list):
        return "[" + ",".join(canonical(item) for item in node if not does_nothing(item)) + "]"
    return repr(node)


def does_nothing(statement: object) -> bool:
    """Whether a statement is ``pass``, a docstring or another bare constant."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def dotted_names(node: ast.AST) -> set[tuple[str, ...]]:
    """Names in a tree, each with the attributes asked of it: ``np.linalg.norm`` is ("np", "linalg", "norm")."""
    found: set[tuple[str, ...]] = set()
    pending = [node]
    while pending:
        current = pending.pop()
        if chain := _chain(current):
            found.add(chain)
        else:
            pending.extend(ast.iter_child_nodes(current))
    return found


def _chain(node: ast.AST) -> tuple[str, ...] | None:
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else None


def imports_in(tree: ast.AST, package: str) -> Iterator[Import]:
    """The imports anywhere in a tree; `package` is what relative ones start from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                bound = name.name if name.asname else name.name.partition(".")[0]
                yield Import(name.name, name.asname or bound, bound, None)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node.module or "", node.level, package)
            for name in node.names:
                alias = None if name.name == "*" else name.asname or name.name
                yield Import(module, alias, module, name.name)
        elif isinstance(node, ast.Call) and (module := _imported_by_call(node)):
            yield Import(module, None, module, None)


def absolute(module: str, level: int, package: str) -> str:
    """The absolute name of what ``from <level dots><module> import`` names inside `package`."""
    if not level:
        return module
    base = package.split(".")[: max(0, len(package.split(".")) - level + 1)]
    return ".".join([*base, module] if module else base)


def _imported_by_call(node: ast.Call) -> str:
    """The module named by ``importlib.import_module("mesh")``."""
    chain = _chain(node.func)
    if chain is None or chain[-1] not in ("import_module", "__import__") or not node.args:
        return ""
    first = node.args[0]
    named = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return "" if named.startswith(".") else named
