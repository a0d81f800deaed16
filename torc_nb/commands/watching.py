"""``watch``: a workflow as it goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from torc_nb.commands.answers import Said, Watched
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.api import Status

#: Seconds between two looks.
PAUSE = 1.0


@click.command("watch", cls=Verb)
@click.pass_obj
def watch(session: Session) -> Said | Watched:
    """Show how a workflow goes on.

    In a notebook: its live view, as `wf` shows it, with buttons that cancel, rerun and ask for nodes. On a terminal: a
    bar, until all its jobs have finished, or Ctrl-C; the jobs go on.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    if session.in_notebook and not session.as_json:
        from torc_nb.workflow.views import view_of

        return Watched(view_of(session.api, workflow.id, workflow.name))
    status = _until_the_end(session, workflow.id)
    numbers = {one.label: n for one, n in status.statuses.items()}
    return session.said("All jobs have finished.", workflow, total=status.total, statuses=numbers)


def _until_the_end(session: Session, workflow_id: int) -> Status:
    from torc_nb.widgets import Bar

    status = session.api.watch(workflow_id)
    with Bar(status.workflow.name, enabled=not session.as_json) as bar:
        while True:
            bar.update(status.statuses)
            if status.is_done:
                return status
            time.sleep(PAUSE)
            status = session.api.watch(workflow_id)
