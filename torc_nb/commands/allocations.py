"""``allocations``: Slurm jobs of ours, and workers started on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.models import AllocationModel

allocations = Noun("allocations", help="Slurm jobs of ours, and workers started on this machine.")


@allocations.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List all allocations that a workflow ever had, oldest first."""
    from torc_nb import frames
    from torc_nb.api import campaigns
    from torc_nb.models import AllocationModel

    workflow = session.workflow()
    assert workflow.id is not None
    session.api.status(workflow.id)  # finds out what became of them
    found = session.api.list_allocations(workflow.id)
    campaign = session.api.get_campaign(workflow.id)
    notes = [] if campaign is None else [campaigns.describe(campaign)]
    return Listing(
        f"Allocations of {workflow.name} ({workflow.id})", frames.records(AllocationModel, found, drop=["workflow_id"]),
        notes,
    )


@allocations.command("cancel")
@click.argument("chosen", metavar="[ALLOCATION]...", nargs=-1)
@click.option("--waiting", is_flag=True, help="Those that wait in the queue; what runs goes on.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def cancel(session: Session, chosen: tuple[str, ...], waiting: bool, yes: bool) -> Said:
    """Cancel a workflow's allocations and stop its workers here; its jobs stay.

    ALLOCATION is an id of `allocations list` or Slurm's own, 12 or 12_3; default: all. What some run is ready again.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    if not chosen and not waiting:
        n = session.api.cancel_allocations(workflow.id)
        return session.said(f"Canceled {n:,} allocation(s); the jobs stay.", workflow, canceled=n)
    meant = _meant(session.api.list_allocations(workflow.id), chosen, waiting)
    named = ", ".join(f"{one.id} ({one.kind} {one.scheduler_job or 'being started'})" for one in meant)
    if meant and not yes:
        again = " ".join(["`%torc allocations cancel", *chosen, *(["--waiting"] if waiting else []), "--yes`."])
        session.confirm(f"Cancel {len(meant):,} allocation(s), {named}?", again)
    n = session.api.cancel_allocations(workflow.id, [one.id or 0 for one in meant]) if meant else 0
    which = f": {named}" if named else ""
    return session.said(f"Canceled {n:,} allocation(s){which}; the jobs stay.", workflow, canceled=n)


def _meant(known: Sequence[AllocationModel], chosen: Sequence[str], waiting: bool) -> list[AllocationModel]:
    """Return the allocations that live and are named; of those, or of all, the waiting ones where these are asked for.

    Raises
    ------
    NotFound
        One that is named is not there, or has ended.
    """
    alive = [one for one in known if one.state in ("submitted", "running")]
    named = alive if not chosen else [one for given in dict.fromkeys(chosen) for one in _named(alive, given)]
    return [one for one in named if not waiting or one.state == "submitted"]


def _named(alive: Sequence[AllocationModel], given: str) -> list[AllocationModel]:
    """Return the one of this id, else those of this id of Slurm's, which without a task means all of an array."""
    from torc_nb.errors import NotFound

    own = [one for one in alive if str(one.id) == given]
    if own:
        return own
    in_slurm = [one for one in alive if one.kind == "slurm" and one.scheduler_job]
    found = [one for one in in_slurm if given in (one.scheduler_job, str(one.scheduler_job).partition("_")[0])]
    if not found:
        raise NotFound(f"No allocation {given} waits or runs; `%torc allocations list` shows what became of each.")
    return found
