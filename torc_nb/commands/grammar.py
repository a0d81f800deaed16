"""The grammar: nouns, verbs, the options that all of them have, and what is said to a mistyped word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

from torc_nb.commands import completing
from torc_nb.commands.session import Session


def _set(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep an option of every command; the one nearest to the end of the line wins."""
    session = context.ensure_object(Session)
    if value and parameter.name:
        setattr(session, parameter.name, value)


def _options_of_all() -> list[click.Parameter]:
    return [
        click.Option(
            ["--db"], metavar="URL", help="Database, or path of an SQLite file.", expose_value=False, callback=_set
        ),
        click.Option(
            ["-w", "--workflow", "workflow_name"],
            metavar="NAME|ID",
            help="Workflow.",
            expose_value=False,
            callback=_set,
            shell_complete=completing.workflows,
        ),
        click.Option(
            ["--trust"],
            is_flag=True,
            help="Use a database that other users may have written.",
            expose_value=False,
            callback=_set,
        ),
        click.Option(
            ["--json", "as_json"], is_flag=True, help="Answer as one JSON document.", expose_value=False, callback=_set
        ),
    ]


class Verb(click.Command):
    """A command that does something: ``jobs list``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_options_of_all()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; an option that does not exist is answered with those that do."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _no_such_option(self, ctx, error) from None


class NumberVerb(Verb):
    """A command whose last argument is a number, be it below zero: -1 is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, such a number among them."""
        below = [one for one in args if re.fullmatch(r"-\d+", one)]
        return super().parse_args(ctx, [*(one for one in args if one not in below), *(["--", *below] if below else [])])


class KernelVerb(Verb):
    """A command that needs the kernel's namespace; it exists in the magic alone."""

    def __init__(self, *args: Any, otherwise: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._otherwise = otherwise

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command, in a kernel."""
        if ctx.ensure_object(Session).names is None:
            raise click.UsageError(f"`{self.name}` needs a notebook: type it there, after %torc. {self._otherwise}")
        return super().invoke(ctx)


class Noun(click.Group):
    """What commands are about: ``jobs``. Alone, it shows its help."""

    command_class = Verb

    def __init__(self, name: str, *, help: str) -> None:  # noqa: A002  # click's own name
        super().__init__(name, help=help, invoke_without_command=True, callback=_help)
        self.params = [*self.params, *_options_of_all()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; an option that does not exist is answered with those that do."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise _no_such_option(self, ctx, error) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names to show: on a command line without those that need a kernel."""
        in_notebook = ctx.ensure_object(Session).in_notebook
        return [
            name
            for name in super().list_commands(ctx)
            if not self.commands[name].hidden and (in_notebook or not isinstance(self.commands[name], KernelVerb))
        ]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the next word names, or say which one it may have meant."""
        is_typed = not ctx.resilient_parsing  # not one that is being completed
        if is_typed and args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            near = _nearest(args[0], known) or next(self._elsewhere(args[0]), None)
            raise click.UsageError(_unknown(f"{ctx.command_path} {args[0]}", near, ctx.command_path, known), ctx)
        return super().resolve_command(ctx, args)

    def _elsewhere(self, verb: str) -> Iterator[str]:
        """Find a verb under the nouns here: whoever typed ``schedule-nodes`` meant ``hpc slurm schedule-nodes``."""
        for name, command in self.commands.items():
            if isinstance(command, Noun) and not command.hidden:
                if verb in command.commands:
                    yield f"{name} {verb}"
                yield from (f"{name} {found}" for found in command._elsewhere(verb))


@click.pass_context
def _help(context: click.Context) -> str | None:
    return None if context.invoked_subcommand else context.get_help()


def _no_such_option(command: click.Command, context: click.Context, error: click.NoSuchOption) -> click.UsageError:
    parameters = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    known = [name for one in parameters for name in (*one.opts, *one.secondary_opts) if name.startswith("--")]
    near = _nearest(error.option_name, known)
    return click.UsageError(_unknown(error.option_name, near, context.command_path, known, kind="option"), context)


def _unknown(given: str, near: str | None, where: str, known: Iterable[str], kind: str = "command") -> str:
    meant = f" Do you mean `{near}`?" if near else ""
    return f"There is no {kind} `{given}`.{meant} `{where}` has: {', '.join(known)}."


def _nearest(given: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(given.lower().replace("_", "-"), list(known), n=1)), None)


class Read(click.ParamType):  # type: ignore[type-arg]  # older clicks cannot be subscripted
    """A value that a function reads; whatever it complains of becomes a usage error.

    The functions stand in ``torc_nb.models``, which is imported only where a value is given: help has to be fast.
    """

    def __init__(self, name: str, read: Callable[[str], Any], words: Callable[[], Iterable[str]] = tuple) -> None:
        self.name = name
        self._read = read
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a value; what was read already, such as a default, stays."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem[str]]:
        """Return the words that it can be, where there are few."""
        return [CompletionItem(word) for word in self._words() if word.startswith(incomplete.lower())]


def _memory(text: str) -> int:
    from torc_nb.models.quantities import parse_memory

    return parse_memory(text)


def _slurm_memory(text: str) -> int:
    from torc_nb.models.quantities import MIB, parse_memory

    return parse_memory(text, unit=MIB)


def _duration(text: str) -> float:
    from torc_nb.models.quantities import parse_duration

    try:
        return float(text)
    except ValueError:
        return parse_duration(text)


def _status(text: str) -> Any:
    from torc_nb.models import JobStatus

    return JobStatus.parse(text)


def _statuses() -> list[str]:
    from torc_nb.models import JobStatus

    return [status.name.lower() for status in JobStatus]


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ValueError(f"{text!r} is not KEY=VALUE.")
    return name, value


MEMORY = Read("memory", _memory)
SLURM_MEMORY = Read("memory", _slurm_memory)
DURATION = Read("duration", _duration)
STATUS = Read("status", _status, _statuses)
PAIR = Read("key=value", _pair)


def complaint(error: click.ClickException) -> str:
    """Return what a face shows of a command line that cannot be understood."""
    context = getattr(error, "ctx", None)
    usage = f"\n{context.get_usage()}" if isinstance(error, click.UsageError) and context is not None else ""
    return f"{error.format_message()}{usage}"
