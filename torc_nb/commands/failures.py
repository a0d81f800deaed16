"""``failures``: what went wrong, grouped."""

from __future__ import annotations

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Listing
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

failures = Noun("failures", help="Failed jobs, grouped by what went wrong.")


@failures.command("list")
@click.option("--map", "map_name", metavar="NAME", shell_complete=completing.maps, help="Of this map only.")
@click.pass_obj
def list_(session: Session, map_name: str | None) -> Listing:
    """List the exceptions: how many jobs each, and one as an example."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    map_id = None if map_name is None else session.api.get_map(workflow.id, map_name).id
    found = session.api.failures(workflow.id, map_id)
    notes = [f"`%torc jobs logs {found[0].job_id}` shows the first one's output and traceback."] if found else []
    return Listing(
        f"Failures of {workflow.name} ({workflow.id})", frames.failures(found), notes, off_screen=["traceback"]
    )
