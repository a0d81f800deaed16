"""What the Tab key offers: names that are in the database, or in the notebook.

Nothing is made or written for it, a few rows are read, and whoever waits too long gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.api import glimpses

#: How long a database may take to answer, in seconds.
PATIENCE = 0.5
#: How many names are offered.
MOST = 10

#: A database that does not answer is not asked again meanwhile.
_asking = Lock()

Items = list[CompletionItem[str]]


def workflows(context: click.Context, _parameter: click.Parameter, begun: str) -> Items:
    """Names of workflows, the newest first."""
    return _seen(context, lambda glimpse: [CompletionItem(name) for name in glimpse.workflows(begun, MOST)])


def maps(context: click.Context, _parameter: click.Parameter, begun: str) -> Items:
    """Names of maps."""
    chosen = context.ensure_object(Session).workflow_name
    return _seen(context, lambda glimpse: [CompletionItem(name) for name in glimpse.maps(chosen, begun, MOST)])


def jobs(context: click.Context, _parameter: click.Parameter, begun: str) -> Items:
    """Keys of jobs, with their names; failed ones before others."""
    chosen = context.ensure_object(Session).workflow_name
    return _seen(
        context,
        lambda glimpse: [CompletionItem(str(key), help=name) for key, name in glimpse.jobs(chosen, begun, MOST)],
    )


def functions(context: click.Context, _parameter: click.Parameter, begun: str) -> Items:
    """Functions of the notebook."""
    names = context.ensure_object(Session).names or {}
    return [CompletionItem(name) for name in _public(begun, list(names)) if callable(names[name])]


def variables(context: click.Context, _parameter: click.Parameter, begun: str) -> Items:
    """Variables of the notebook that may be parameters."""
    names = context.ensure_object(Session).names or {}
    return [CompletionItem(name) for name in _public(begun, list(names)) if hasattr(type(names[name]), "__iter__")]


def _public(begun: str, names: list[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(begun) and not name.startswith("_"))


def _seen(context: click.Context, look: Callable[[glimpses.Glimpse], Items]) -> Items:
    """Look into the database that is meant, in a thread of which only so much is awaited."""
    from torc_nb.api import glimpses

    session = context.ensure_object(Session)
    answers: SimpleQueue[Items] = SimpleQueue()

    def ask() -> None:
        try:
            with glimpses.glimpse(session.database) as glimpse:
                answers.put(look(glimpse))
        except Exception:  # whoever presses Tab has not asked for an error
            answers.put([])
        finally:
            _asking.release()

    if not _asking.acquire(blocking=False):
        return []
    Thread(target=ask, daemon=True, name="torc-nb-completion").start()
    try:
        # A line break in another's name would type the next line.
        return [item for item in answers.get(timeout=PATIENCE) if item.value.isprintable()]
    except Empty:
        return []
