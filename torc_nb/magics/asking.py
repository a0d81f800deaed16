"""``%torc jobs?``: a command's help, as its ``--help``, in the pager and in the tooltip."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Mapping, Sequence
from functools import wraps
from typing import Any, Self

import click
from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TokenTransformBase
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.tokenutil import line_at_cursor

from torc_nb.commands import Session, tree
from torc_nb.magics.line import NAME, after_name, words

_QUESTION = re.compile(r"\s*(?:\?\??\s*%%?torc(?P<before>(?:\s.*)?)|%%?torc(?P<after>(?:\s.*?)?)\?\??)\s*$")


def install(shell: InteractiveShell) -> None:
    """Answer questions about ``%torc`` in a shell, and in the tooltips of its kernel."""
    transformers = shell.input_transformer_manager.token_transformers
    if Question not in transformers:
        transformers.append(Question)
    kernel = getattr(shell, "kernel", None)
    if kernel is not None and "do_inspect" not in vars(kernel):
        kernel.do_inspect = _inspecting(kernel.do_inspect, shell.user_ns)


class Question(TokenTransformBase):
    """``%torc jobs?`` and ``?%torc jobs``, which IPython would take for questions about a variable ``jobs``."""

    # Before IPython's own question marks.
    priority = 4

    @classmethod
    def find(cls, tokens_by_line: list[list[tokenize.TokenInfo]]) -> Self | None:
        """Find the first question in a cell, at the beginning of a statement."""
        for tokens in tokens_by_line:
            told = [token for token in tokens if token.type not in (tokenize.INDENT, tokenize.DEDENT)]
            if told and told[0].string in ("%", "?") and _QUESTION.match(told[0].line[told[0].start[1] :]):
                return cls(told[0].start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Give the question to the magic, which answers a line that ends in a question mark."""
        line = lines[self.start_line]
        found = _QUESTION.match(line[self.start_col :])
        assert found is not None
        asked = (found["before"] or found["after"] or "").strip()
        call = f"{line[: self.start_col]}get_ipython().run_line_magic('torc', {f'{asked} ?'!r})\n"
        return [*lines[: self.start_line], call, *lines[self.start_line + 1 :]]


def question(line: str) -> str | None:
    """Return what is asked about, where a line of the magic ends in a question mark."""
    line = line.rstrip()
    return line.rstrip("?") if line.endswith("?") else None


def help_of(given: Sequence[str], session: Session) -> str:
    """Return the help of the command that words name; what follows the command does not matter.

    Raises
    ------
    click.UsageError
        There is no such command; with what may have been meant.
    """
    context = click.Context(tree, info_name=NAME, obj=session)
    for word in given:
        if not isinstance(context.command, click.Group) or word.startswith("-"):
            break
        name, command, _ = context.command.resolve_command(context, [word])
        assert command is not None
        context = click.Context(command, info_name=name, parent=context)
    return context.get_help()


def _inspecting(do_inspect: Any, names: Mapping[str, Any]) -> Any:
    """Let a kernel answer with a command's help where the cursor is in a line of ``%torc``.

    IPython itself is told the word at the cursor only, not its line.
    """

    @wraps(do_inspect)
    def inspect(code: str, cursor_pos: int, *args: Any, **kwargs: Any) -> Any:
        called = after_name(line_at_cursor(code, cursor_pos)[0].rstrip("\n?"))
        if called is None:
            return do_inspect(code, cursor_pos, *args, **kwargs)
        try:
            text = help_of(words(called[1]), Session(names=names))
        except (click.UsageError, UsageError):
            return do_inspect(code, cursor_pos, *args, **kwargs)
        return {"status": "ok", "found": True, "data": {"text/plain": text}, "metadata": {}}

    return inspect
