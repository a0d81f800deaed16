"""``events``: what happened."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

events = Noun("events", help="What happened in a workflow.")


@events.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="The newest so many.")
@click.pass_obj
def list_(session: Session, limit: int) -> Listing:
    """List the newest events, oldest first."""
    from torc_nb import frames
    from torc_nb.models import EventModel

    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.list_events(workflow.id, limit)
    return Listing(
        f"Events of {workflow.name} ({workflow.id})", frames.records(EventModel, found, drop=["workflow_id"])
    )
