"""Where a function or class was written: its text and syntax tree, only if that text is truly what runs.

Text is looked up by file name, and a file may have changed since, or another cell may carry the same name. So the
text is compiled again and believed only where the result is the code that is there.
"""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
import linecache
import textwrap
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from torc_nb.functions.bytecode import canonical_code, code_objects

Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef

_FUTURE = functools.reduce(
    lambda mask, name: mask | getattr(__future__, name).compiler_flag, __future__.all_feature_names, 0
)


@dataclass(frozen=True)
class Definition:
    """A definition as written."""

    node: Defined
    text: str


def text_of(filename: str) -> str:
    """The text of a cell or file, "" where Python does not have it."""
    return "".join(linecache.getlines(filename))


def definition_of(function: FunctionType) -> Definition | None:
    """Where a function was written; None where its source is unknown or no longer what runs."""
    return _definition(function.__code__)


def definition_of_class(cls: type) -> Definition | None:
    """Where a class was written; found through one of its methods, None where it has none of its own."""
    for method in own_functions(cls):
        code = method.__code__
        if definition_of(method) is None:
            continue
        text = text_of(code.co_filename)
        around = [node for node in _classes(text, cls.__name__) if _spans(node, code.co_firstlineno)]
        if around:
            node = max(around, key=lambda found: found.lineno)
            return Definition(node, _lines(text, node))
    return None


def own_functions(cls: type) -> list[FunctionType]:
    """The functions written in the body of a class, seen through staticmethod, classmethod and property."""
    held = [part for value in vars(cls).values() for part in unwrapped(value) if isinstance(part, FunctionType)]
    return [function for function in held if function.__code__.co_qualname.startswith(f"{cls.__qualname__}.")]


def unwrapped(value: Any) -> list[Any]:
    """The functions inside what decorators make of them in a class; other values as they are."""
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [part for part in (value.fget, value.fset, value.fdel) if part is not None]
    if isinstance(value, functools.cached_property):
        return [value.func]
    return [value]


def source_of(call: Any) -> str:
    """The source text of a callable, for people; "" where unknown."""
    while isinstance(call, functools.partial):
        call = call.func
    call = inspect.unwrap(getattr(call, "__func__", call))
    if not isinstance(call, (FunctionType, type)):
        call = type(call)
    found = definition_of(call) if isinstance(call, FunctionType) else definition_of_class(call)
    if found is not None:
        return found.text
    try:
        return textwrap.dedent(inspect.getsource(call))
    except (OSError, TypeError, SyntaxError):
        return ""


def _definition(code: CodeType) -> Definition | None:
    text = text_of(code.co_filename)
    if not text or not _is_what_runs(code, text):
        return None
    nodes = [node for node in _functions(text).get(code.co_name, []) if _first_line(node) == code.co_firstlineno]
    if code.co_name == "<lambda>":
        nodes = [node for node in nodes if isinstance(node, ast.Lambda) and _encloses(node, code)]
    node = max(nodes, key=lambda n: (n.lineno, n.col_offset), default=None)  # of nested lambdas the innermost
    return None if node is None else Definition(node, _lines(text, node))


def _is_what_runs(code: CodeType, text: str) -> bool:
    compiled = _compiled(text, code.co_flags & _FUTURE)
    if compiled is None:
        return False
    place = code.co_qualname, code.co_firstlineno
    candidates = [inner for inner in code_objects(compiled) if (inner.co_qualname, inner.co_firstlineno) == place]
    if code in candidates:
        return True
    wanted = canonical_code(code)
    return any(canonical_code(candidate) == wanted for candidate in candidates)


@functools.lru_cache(maxsize=256)
def _compiled(text: str, flags: int) -> CodeType | None:
    try:
        code: CodeType = compile(text, "<again>", "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return code


@functools.lru_cache(maxsize=256)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


@functools.lru_cache(maxsize=256)
def _functions(text: str) -> dict[str, list[Defined]]:
    """The functions in a text, by the names of their code objects."""
    found: dict[str, list[Defined]] = {}
    for node in ast.walk(_tree(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found.setdefault("<lambda>" if isinstance(node, ast.Lambda) else node.name, []).append(node)
    return found


def _classes(text: str, name: str) -> list[ast.ClassDef]:
    return [node for node in ast.walk(_tree(text)) if isinstance(node, ast.ClassDef) and node.name == name]


def _first_line(node: Defined) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _spans(node: Defined, line: int) -> bool:
    return _first_line(node) <= line <= (node.end_lineno or line)


def _encloses(node: ast.Lambda, code: CodeType) -> bool:
    """Whether all instructions come from the body of a lambda, of which a line may have several."""
    body = node.body
    start, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None or end_column == column == 0:
            continue
        if not (start <= (line, column) and (end_line, end_column) <= end):
            return False
    return True


def _lines(text: str, node: Defined) -> str:
    if isinstance(node, ast.Lambda):
        return ast.get_source_segment(text, node) or ""
    return textwrap.dedent("".join(text.splitlines(keepends=True)[_first_line(node) - 1 : node.end_lineno]))
