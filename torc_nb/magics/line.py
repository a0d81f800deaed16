"""A line that begins with ``%torc``."""

from __future__ import annotations

import re
import shlex

from IPython.core.error import UsageError

NAME = "%torc"

#: ``%torc …``, ``%%torc …`` or ``df = %torc …``.
_LINE = re.compile(r"\s*(?:[\w.,\s\[\]'\"]+=\s*)?(?P<escape>%%?)torc(?P<rest>\s.*|)$")


def after_name(line: str) -> tuple[str, str] | None:
    """Return by how many ``%`` a line calls torc, and what follows; None where it is another line."""
    found = _LINE.match(line)
    return None if found is None else (found["escape"], found["rest"])


def words(line: str) -> list[str]:
    """Split a line into words, as a shell does.

    Raises
    ------
    UsageError
        A quotation is open.
    """
    try:
        # IPython leaves the semicolon that silences the display in the line.
        return shlex.split(line.rstrip().removesuffix(";"))
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from None
