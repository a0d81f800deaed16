"""``workers``: the processes that run jobs."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

workers = Noun("workers", help="The processes that run jobs, one on each node.")


@workers.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List all workers that a workflow ever had, oldest first.

    With how many jobs each runs now, on how many CPUs, and when it was last heard of.
    """
    from torc_nb import frames
    from torc_nb.models import WorkerModel

    workflow = session.workflow()
    assert workflow.id is not None
    loads = session.api.watch(workflow.id).loads  # finds out first who has died
    found = session.api.list_workers(workflow.id)
    frame = frames.records(WorkerModel, found, drop=["workflow_id"])
    frame["running"] = [loads[id_].jobs if id_ in loads else 0 for id_ in frame.index]
    frame["busy_cpus"] = [loads[id_].cpus if id_ in loads else 0 for id_ in frame.index]
    off_screen = ["boot_id", "process_start", "lease_expires", "packages", "log"]
    return Listing(f"Workers of {workflow.name} ({workflow.id})", frame, off_screen=off_screen)
