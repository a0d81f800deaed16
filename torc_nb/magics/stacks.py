"""The stack of an error, as far as it is the user's."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import click

import torc_nb
from torc_nb.functions.places import is_foreign_code

_OURS = tuple(str(Path(str(module.__file__)).parent) + "/" for module in (torc_nb, click))


def of_user(stack: TracebackType | None) -> TracebackType | None:
    """Return a stack without torc_nb's calls where code of the user raised; else as it is, for a report."""
    frames = []
    while stack is not None:
        frames.append(stack)
        stack = stack.tb_next
    kept = [one for one in frames if not one.tb_frame.f_code.co_filename.startswith(_OURS)]
    if all(is_foreign_code(one.tb_frame.f_code) for one in kept):
        kept = frames
    rebuilt = None
    for one in reversed(kept):
        rebuilt = TracebackType(rebuilt, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return rebuilt
