"""Mistyped words, values that cannot be read, and help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from torc_nb.commands import tree
from torc_nb.commands.grammar import KernelVerb, Noun, Verb


@pytest.mark.parametrize(
    ("line", "meant", "there"),
    [
        ("jbos list", "`jobs`", "workflows"),
        ("job list", "`jobs`", "workflows"),
        ("user_data list", "`user-data`", "workflows"),
        ("jobs lst", "`list`", "list-user-data"),
        ("jobs list --statsu failed", "`--status`", "--limit"),
        ("jobs --jsn list", "`--json`", "--db"),
        ("schedule-nodes -n 1", "`hpc slurm schedule-nodes`", "workflows"),
        ("hpc schedule-nodes", "`slurm schedule-nodes`", "slurm"),
        ("create sweep", "`workflows create`", "workflows"),
        ("list jbos", "`jobs`", "user-data"),
    ],
)
def test_a_mistyped_word_names_the_nearest_and_all(
    terminal: Any, empty: Path, line: str, meant: str, there: str
) -> None:
    """What was probably meant, then what there is, and exit code 2."""
    message = terminal.refuses(line, 2)
    assert f"Do you mean {meant}?" in message
    assert there in message.split("has:")[1]


def test_a_word_like_nothing_is_answered_with_what_there_is(terminal: Any, empty: Path) -> None:
    """Where nothing is near, nothing is guessed."""
    message = terminal.refuses("xyzzy", 2)
    assert "Do you mean" not in message
    assert "jobs, " in message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("jobs list --status done", "uninitialized, blocked, ready"),
        ("jobs list --limit -1", "-1"),
        ("jobs logs x", "'x' is not a valid integer"),
        ("jobs logs", "JOB"),
        ("run --memory lots", "not an amount of memory"),
        ("run --cpus 0", "0 is not in the range"),
        ("run --idle-timeout soon", "not a duration"),
        ("hpc slurm schedule-nodes -n 0", "0 is not in the range"),
        ("hpc slurm schedule-nodes --extra ib", "KEY=VALUE"),
        ("workflows create", "NAME"),
        ("jobs list extra", "extra"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_usage_error(terminal: Any, empty: Path, line: str, complaint: str) -> None:
    """The message has the value and how to write it, before any database is looked for."""
    message = terminal.refuses(line, 2)
    assert complaint in message
    assert "Usage: torc-nb " in message


@pytest.mark.parametrize("line", ["", "--help", "jobs", "jobs --help", "hpc", "hpc slurm", "list", "--json"])
def test_a_noun_alone_shows_its_help(terminal: Any, empty: Path, line: str) -> None:
    """Without a verb nothing is wrong: the help is shown."""
    assert terminal.says(line).startswith("Usage: torc-nb")


def test_map_belongs_to_the_notebook(terminal: Any, empty: Path) -> None:
    """On a terminal `map` is not shown, and whoever types it is told where it works."""
    assert "\n  map " not in terminal.says("--help")
    assert "type it there, after %torc" in terminal.refuses("map run params", 2)


def _all(noun: Noun, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in noun.commands.items():
        yield (*path, name), command
        if isinstance(command, Noun):
            yield from _all(command, (*path, name))


def test_every_command_is_described() -> None:
    """The tree is what help, completion and the reference page are made of: nothing in it is without a sentence."""
    for path, command in _all(tree):
        assert command.help, path
        assert isinstance(command, Verb | Noun), path
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, (path, parameter.name)


def test_what_needs_a_kernel_is_marked() -> None:
    """Exactly `map` and `debug` need the kernel."""
    assert [path for path, command in _all(tree) if isinstance(command, KernelVerb)] == [("map",), ("debug",)]
