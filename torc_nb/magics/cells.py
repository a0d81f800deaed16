"""``%%torc map PARAMS …``: the cell's own function, mapped."""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Mapping
from typing import Any, NamedTuple

from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from torc_nb.magics.line import words

_USAGE = "Above a cell that defines a function, type %%torc map PARAMS and then options: %%torc map params --cpus 4"
#: Where an option may begin.
_OPTION = re.compile(r"(?:^|\s)(?=--?[A-Za-z])")


class Heading(NamedTuple):
    """The first line of such a cell.

    Attributes
    ----------
    before : list of str
        Options before ``map``.
    params : list of str
        Expressions.
    options : list of str
        Options behind.
    """

    before: list[str]
    params: list[str]
    options: list[str]


def read(line: str) -> Heading:
    """Read the line behind ``%%torc``.

    Raises
    ------
    UsageError
        It is not ``map`` with expressions.
    """
    found = re.fullmatch(r"(?P<before>.*?)(?<!\S)map(?:\s+(?P<rest>.*))?", line.rstrip().removesuffix(";").strip())
    if found is None:
        raise UsageError(f"Only `map` takes a cell. {_USAGE}")
    rest = (found["rest"] or "").strip()
    # In `a --b` Python sees two minus signs: the first place where an option may begin is where one does.
    starts = [option.start() for option in _OPTION.finditer(rest)]
    for at in [] if 0 in starts else [*starts, len(rest)]:
        if params := _expressions(rest[:at].strip()):
            return Heading(words(found["before"]), params, words(rest[at:]))
    raise UsageError(f"PARAMS are missing, or no Python expression: {rest or 'nothing'}. {_USAGE}")


def run(shell: InteractiveShell, line: str, cell: str) -> str:
    """Run a cell and return the name of the function that it defines last.

    Parameters
    ----------
    line
        The one above the cell.

    Raises
    ------
    UsageError
        It defines none, and was not run; or it raised, which is shown.
    """
    # A comment in the place of the first line: line numbers are those that the user sees.
    text = f"# %%torc {line.strip()}\n{cell}"
    source: str = shell.transform_cell(text)  # type: ignore[no-untyped-call,unused-ignore]
    name = _last_function(source)
    ran: ExecutionResult = shell.run_cell(text)  # type: ignore[no-untyped-call,unused-ignore]
    error = ran.error_before_exec or ran.error_in_exec
    if isinstance(error, KeyboardInterrupt):
        raise error.with_traceback(None)
    if error is not None or name is None:
        raise UsageError(f"Nothing was mapped: the cell raised {type(error).__name__}.")
    return name


def evaluated(shell: InteractiveShell, params: list[str]) -> Mapping[str, Any]:
    """Return the notebook's names and, under their own texts, what expressions give."""
    values = {}
    for text in params:
        if not text.isidentifier():  # a name is looked up by the command, which knows what to say of an unknown one
            place = shell.compile.cache(text, shell.execution_count)  # where a stack finds the text
            values[text] = eval(compile(text, place, "eval"), shell.user_global_ns, shell.user_ns)
    return ChainMap(values, shell.user_ns)


def _expressions(text: str) -> list[str]:
    """Return several expressions with spaces between them, else the one that it is; none where it is neither."""
    parts = text.split()  # `[1] [2]` would be one expression too: an index
    if all(_is_expression(part) for part in parts):
        return parts
    return [text] if _is_expression(text) else []


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _last_function(source: str) -> str | None:
    """Return the name of the last function; None where the text is no Python, which running it will tell."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    for node in reversed(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return node.name
    raise UsageError(f"The cell defines no function, and was not run. {_USAGE}")
