"""``allocations``: Slurm jobs of ours, and workers started on this machine."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

allocations = Noun("allocations", help="Slurm jobs of ours, and workers started on this machine.")


@allocations.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List all allocations that a workflow ever had, oldest first."""
    from torc_nb import frames
    from torc_nb.models import AllocationModel

    workflow = session.workflow()
    assert workflow.id is not None
    session.api.status(workflow.id)  # finds out what became of them
    found = session.api.list_allocations(workflow.id)
    return Listing(
        f"Allocations of {workflow.name} ({workflow.id})", frames.records(AllocationModel, found, drop=["workflow_id"])
    )


@allocations.command("cancel")
@click.pass_obj
def cancel(session: Session) -> Said:
    """Cancel a workflow's allocations and stop its workers here; its jobs stay."""
    workflow = session.workflow()
    assert workflow.id is not None
    n = session.api.cancel_allocations(workflow.id)
    return session.said(f"Canceled {n:,} allocation(s); the jobs stay.", workflow, canceled=n)
