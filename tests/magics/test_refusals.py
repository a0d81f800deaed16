"""Every verb in a real kernel: what is refused is told in a few lines, without a stack."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from services.kernel import Kernel

from torc_nb.commands import tree

#: Verbs that begin something that goes on, whatever they are given.
BEGIN = {"run", "db start", "db restore"}


def _verbs(group: click.Group, above: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        path = f"{above} {name}".strip()
        if isinstance(command, click.Group):
            yield from _verbs(command, path)
        elif path not in BEGIN:
            yield path


@pytest.mark.parametrize("begin", ["pass", "%torc workflows create study"])
def test_no_verb_shows_the_inside(kernel: Kernel, begin: str) -> None:
    """With nothing behind, with what is not there, and with an option that does not exist."""
    kernel.run(begin)
    for verb in _verbs(tree):
        for rest in ("", "99", "99 nothing=1", "--nothing"):
            seen = kernel.sees(f"%torc {verb} {rest}")
            assert "Traceback" not in seen, f"{verb} {rest}"
            assert ".py" not in seen, f"{verb} {rest}"
            assert rest != "--nothing" or "UsageError: There is no option `--nothing`." in seen, f"{verb} {rest}"
