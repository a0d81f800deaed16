"""Edits of a program: of what it means, at one place of its syntax tree, and of nothing but its layout."""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SHELLS = {"make", "scaled", "around", "scaled.around", "twice"}
"""Functions that run when the program is defined; only what they define is not run."""
CLASSES = {"Base", "Model", "Grid"}


@dataclass(frozen=True)
class Site:
    """A node, by its position in a walk through the tree, and where it stands: "Model.value", "deep", "K"."""

    index: int
    place: str
    executed: bool


def sites(text: str) -> dict[str, list[Site]]:
    """Where an edit of each kind can be made."""
    tree = ast.parse(text)
    where = dict(_places(tree, "", True))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: dict[str, list[Site]] = {kind: [] for kind in MEANINGFUL}
    for index, node in enumerate(list(ast.walk(tree))):
        if id(node) not in where or id(node) in docstrings:
            continue
        site = Site(index, *where[id(node)])
        for kind in MEANINGFUL:
            runs = site.executed and (kind not in _SAFE or site.place in SHELLS)
            if not runs and _edited(node, kind) is not None:  # the tree is scrap, so edits may pile up
                found[kind].append(site)
    return found


def apply(text: str, kind: str, site: Site) -> str:
    """The text with one edit, written anew."""
    tree = ast.parse(text)
    target = list(ast.walk(tree))[site.index]
    edited = _edited(target, kind)
    assert edited is not None
    changed = _Replaced(target, edited).visit(tree)
    return ast.unparse(ast.fix_missing_locations(changed))


class _Replaced(ast.NodeTransformer):
    def __init__(self, target: ast.AST, edited: ast.AST) -> None:
        self._target, self._edited = target, edited

    def visit(self, node: ast.AST) -> ast.AST:
        return self._edited if node is self._target else super().visit(node)


def _places(node: ast.AST, place: str, executed: bool) -> Iterator[tuple[int, tuple[str, bool]]]:
    """Every node by its identity; what is in a decorator or default is executed as what stands around it is."""
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            inside, runs = place, executed
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inside = f"{place}.{child.name}".strip(".") if not place or _defines(node) else place
            elif isinstance(node, ast.Module):
                inside = _bound(child)
            if isinstance(node, (ast.FunctionDef, ast.Lambda)) and field == "body":
                runs = isinstance(node, ast.FunctionDef) and node.name in SHELLS
            yield id(child), (inside, runs)
            yield from _places(child, inside, runs)


def _defines(node: ast.AST) -> bool:
    """Whether what is defined inside is a place of its own."""
    return isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (node.name in SHELLS or node.name in CLASSES)


def _bound(statement: ast.AST) -> str:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement
    return ast.unparse(target) if isinstance(target, (ast.Name, ast.Attribute)) else ""


_SAFE = {"constant", "default", "parameter", "base", "undecorated"}
"""Kinds that leave what runs at definition still working."""
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.GtE,
    ast.In: ast.NotIn,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Not: ast.USub,
    ast.USub: ast.Not,
    ast.Invert: ast.USub,
}


def _constant(node: ast.Constant) -> ast.AST:
    value = node.value
    if isinstance(value, (bool, type(None))):
        return ast.Constant(value is None)
    return ast.Constant(value + {str: "!", bytes: b"!", int: 1, float: 0.5}[type(value)])


def _operator(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.operator):
        return _SWAPPED.get(type(node), ast.Add)()
    if isinstance(node, ast.cmpop):
        return _SWAPPED.get(type(node), ast.Lt)()
    return _SWAPPED[type(node)]() if isinstance(node, (ast.unaryop, ast.boolop)) else None


def _branch(node: ast.AST) -> ast.AST | None:
    if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return node
    if isinstance(node, ast.Break):
        return ast.Continue()
    if isinstance(node, ast.Continue):
        return ast.Break()
    if isinstance(node, ast.match_case) and node.guard is not None:
        node.guard = None
        return node
    if isinstance(node, ast.For) and node.orelse:
        node.body, node.orelse = node.body + node.orelse, []
        return node
    if isinstance(node, ast.ExceptHandler):
        node.type = ast.Name("OSError", ast.Load())
        return node
    return None


def _call(node: ast.Call) -> ast.AST:
    node.func = ast.Name("another", ast.Load())
    return node


def _argument(node: ast.Call) -> ast.AST:
    node.args.append(ast.Constant(0))
    return node


def _default(node: ast.arguments) -> ast.AST | None:
    if node.defaults:
        node.defaults[-1] = ast.Constant("another")
    elif any(node.kw_defaults):
        node.kw_defaults = [default and ast.Constant("another") for default in node.kw_defaults]
    else:
        return None
    return node


def _name(node: ast.Name) -> ast.AST | None:
    return ast.Name("another", ast.Load()) if isinstance(node.ctx, ast.Load) else None


def _attribute(node: ast.Attribute) -> ast.AST:
    node.attr = "another"
    return node


def _comprehension(node: ast.comprehension) -> ast.AST:
    node.ifs.append(ast.Name("x", ast.Load()))
    return node


def _removed(node: ast.stmt) -> ast.AST | None:
    if isinstance(
        node, (ast.Assign, ast.AugAssign, ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match, ast.Delete)
    ):
        return ast.Pass()
    return None


def _returned(node: ast.Return) -> ast.AST:
    return ast.Return(ast.Tuple([node.value or ast.Constant(None)], ast.Load()))


def _parameter(node: ast.arguments) -> ast.AST:
    node.kwonlyargs.append(ast.arg("added"))
    node.kw_defaults.append(ast.Constant(None))
    return node


def _format(node: ast.FormattedValue) -> ast.AST:
    node.conversion = ord("r") if node.conversion == -1 else -1
    return node


def _pattern(node: ast.pattern) -> ast.AST | None:
    if isinstance(node, ast.MatchClass):
        node.kwd_attrs[0] = "another"
        return node
    if isinstance(node, (ast.MatchValue, ast.MatchSingleton)):
        return ast.MatchSequence([])
    return None


def _base(node: ast.ClassDef) -> ast.AST | None:
    if not node.bases:
        return None
    node.bases = [ast.Name("dict", ast.Load())]
    return node


def _undecorated(node: ast.FunctionDef) -> ast.AST | None:
    if not node.decorator_list:
        return None
    node.decorator_list = []
    return node


def _order(node: ast.AST) -> ast.AST | None:
    body = getattr(node, "body", None)
    if not isinstance(node, (ast.FunctionDef, ast.For, ast.With)) or ast.dump(body[0]) == ast.dump(body[-1]):
        return None
    if isinstance(body[-1], ast.Return) or isinstance(body[0], ast.Expr):
        return None
    body[0], body[-1] = body[-1], body[0]
    return node


_KINDS: dict[str, tuple[type[ast.AST], Callable[..., ast.AST | None]]] = {
    "constant": (ast.Constant, _constant),
    "operator": (ast.AST, _operator),
    "branch": (ast.AST, _branch),
    "call": (ast.Call, _call),
    "argument": (ast.Call, _argument),
    "default": (ast.arguments, _default),
    "name": (ast.Name, _name),
    "attribute": (ast.Attribute, _attribute),
    "comprehension": (ast.comprehension, _comprehension),
    "removed statement": (ast.stmt, _removed),
    "returned value": (ast.Return, _returned),
    "parameter": (ast.arguments, _parameter),
    "format": (ast.FormattedValue, _format),
    "pattern": (ast.pattern, _pattern),
    "base": (ast.ClassDef, _base),
    "undecorated": (ast.FunctionDef, _undecorated),
    "order of statements": (ast.AST, _order),
}
MEANINGFUL = sorted(_KINDS)


def _edited(node: ast.AST, kind: str) -> ast.AST | None:
    """A node as an edit leaves it; None where the edit is none."""
    wanted, edit = _KINDS[kind]
    return edit(node) if isinstance(node, wanted) else None


def same_syntax(one: str, other: str) -> bool:
    """Whether two texts differ in layout, comments and docstrings at most, as Python's own parser sees it."""
    return _without_docstrings(one) == _without_docstrings(other)


@functools.lru_cache(maxsize=8)
def _without_docstrings(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]  # type: ignore[attr-defined]
    return ast.dump(tree)


def commented(text: str) -> str:
    """A comment at the end of each line and one, oddly indented, on a line of its own."""
    return _after_lines(text, lambda line: f"  # was {line % 7}\n   # and so\n")


def spaced(text: str) -> str:
    """Blank lines, some with blanks, after each line."""
    return _after_lines(text, lambda line: "\n\n   \n" if line % 2 else "\n\n")


def _after_lines(text: str, ending: Callable[[int], str]) -> str:
    lines = text.splitlines(keepends=True)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    for line in [token.start[0] for token in tokens if token.type == tokenize.NEWLINE]:
        lines[line - 1] = lines[line - 1].partition("  #")[0].rstrip("\n") + ending(line)
    return "".join(lines)


def requoted(text: str) -> str:
    """Other quotes around each plain string."""
    pieces = []
    for token in _tokens(text):
        plain = token.type == tokenize.STRING and token.string[0] in "\"'"
        quote = "'" if token.string.startswith('"') else '"'
        value = ast.literal_eval(token.string) if plain else ""
        pieces.append((token, f"{quote * 3}{value}{quote * 3}" if plain else token.string))
    return _joined(text, pieces)


def broken(text: str) -> str:
    """A line break, some with a comment, after each bracket and comma in brackets."""
    pieces, depth, in_text = [], 0, 0
    for token in _tokens(text):
        name = tokenize.tok_name[token.type]
        in_text += (name == "FSTRING_START") - (name == "FSTRING_END")
        if token.type == tokenize.OP and not in_text:
            depth += (token.string in "([{") - (token.string in ")]}")
        breaks = token.type == tokenize.OP and token.string in "([{," and depth and not in_text
        pieces.append((token, token.string + ("  # here\n  " if breaks and depth % 2 else "\n" if breaks else "")))
    return _joined(text, pieces)


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def _joined(text: str, pieces: list[tuple[tokenize.TokenInfo, str]]) -> str:
    """Put replaced tokens back between the blanks that stood there."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    out, at = [], 0
    for token, replacement in pieces:
        if token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        start, end = starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
        out += [text[at:start], replacement]
        at = end
    return "".join([*out, text[at:]])


def parenthesized(text: str) -> str:
    """Parentheses around every expression that may have them."""
    tree = ast.parse(text)
    excluded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.JoinedStr, ast.pattern))
        for inner in ast.walk(node)
    }
    excluded |= {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Expr) for inner in ast.walk(node)}
    lines = text.splitlines(keepends=True)
    marks: list[tuple[int, int, int, str]] = []
    for node in ast.walk(tree):
        kinds = (ast.Name, ast.Constant, ast.BinOp, ast.Call, ast.Compare, ast.Lambda, ast.Tuple, ast.Attribute)
        slices = isinstance(node, ast.Tuple) and any(isinstance(item, ast.Slice) for item in node.elts)
        if (
            isinstance(node, kinds)
            and not slices
            and id(node) not in excluded
            and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        ):
            marks.append((node.lineno, node.col_offset, 1, "("))
            marks.append((node.end_lineno or 0, node.end_col_offset or 0, 0, ")"))
    for line, column, _, mark in sorted(marks, reverse=True):
        lines[line - 1] = lines[line - 1][:column] + mark + lines[line - 1][column:]
    return "".join(lines)


def documented(text: str) -> str:
    """A docstring in each function and class that has none, and another one in each that has."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            node.body = [
                ast.Expr(ast.Constant(f"Of {node.name}:\n\n  'new' ")),
                *node.body[bool(ast.get_docstring(node)) :],
            ]
    return ast.unparse(ast.fix_missing_locations(tree))


def undocumented(text: str) -> str:
    """No docstrings; a `pass` is left where nothing else would be."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def unparsed(text: str) -> str:
    """As Python itself would write it."""
    return ast.unparse(ast.parse(text))


MEANINGLESS: dict[str, Callable[[str], str]] = {
    edit.__name__: edit
    for edit in (commented, spaced, requoted, broken, parenthesized, documented, undocumented, unparsed)
}
