"""``user-data``: the inputs and outputs of jobs."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing, cut
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

user_data = Noun("user-data", help="Inputs and outputs of jobs: parameters and results.")


@user_data.command("list")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many; 0: all.")
@click.pass_obj
def list_(session: Session, limit: int | None) -> Listing:
    """List inputs and outputs, in the order of their keys."""
    from itertools import islice

    from torc_nb import frames
    from torc_nb.models import UserDataModel

    workflow = session.workflow()
    assert workflow.id is not None
    limit = session.limit(limit)
    # The Api counts jobs, of which each has an output at least.
    enough = None if limit is None else limit + 1
    found = islice(session.api.list_user_data(workflow.id, limit=enough), enough)
    frame, notes = cut(frames.records(UserDataModel, found, drop=["workflow_id"]), limit)
    return Listing(f"User data of {workflow.name} ({workflow.id})", frame, notes)
