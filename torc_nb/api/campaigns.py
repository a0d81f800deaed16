"""Nodes until done: so many allocations pending or running while work remains, topped up by whoever is alive.

What is wished stands in the database. The kernel's and the panel's looks, commands that show how a workflow stands, and
the workers themselves (see `torc_nb.api.relief`) compare it with what there is; allocations are entered before they are
submitted, in one transaction that counts them, so that several who look at once have exactly as many as were wished.
"""

from __future__ import annotations

import contextlib
import getpass
import socket
from collections.abc import Sequence

from torc_nb import launch, slurm
from torc_nb.api import chains, launching
from torc_nb.api.launching import Brought
from torc_nb.errors import InvalidRequest, LaunchError, SlurmLimit, SlurmUnavailable, TorcError
from torc_nb.models import CampaignModel, SlurmSchedulerModel, WorkflowModel
from torc_nb.models.quantities import counted
from torc_nb.store import Database, allocations, campaigns, claims, exclusions, limits, trust, workflows
from torc_nb.store.campaigns import Standing

#: So many allocations in a row that end without that any job began stop a campaign; so do so many refusals of Slurm.
IDLE_ENDS = 3

#: How long a limit, or Slurm's silence, is left alone before the next attempt, in seconds.
NOT_NOW = 30.0

#: How long the first refusal is left alone, in seconds; the next twice as long.
REFUSED = 60.0

_AGAIN = "wf.schedule_nodes(n, until_done=True) begins anew"


def begin(
    database: Database,
    workflow: WorkflowModel,
    n: int,
    scheduler: SlurmSchedulerModel,
    *,
    idle_timeout: float = 600.0,
    max_node_hours: float | None = None,
    before: CampaignModel | None = None,
) -> Brought:
    """Have ``n`` allocations of one node each pending or running while work remains; submits what is missing.

    ``before``: what this changes; its limit of node-hours goes on where no other is given, and what it took counts.

    Raises
    ------
    LaunchError
        Slurm refused; with its message and the likely cure.
    InvalidRequest
        ``n`` is not at least 1, or a limit of node-hours makes no sense.
    NotTrusted
        It is another user's workflow.
    """
    assert workflow.id is not None
    if before is not None and max_node_hours is None:
        max_node_hours = before.max_node_hours
    _check(n, scheduler, max_node_hours)
    trust.check(database, workflow, "Workers run their own user's workflows")
    launching.refuse_elsewhere(database, scheduler)
    launching.refresh(database, workflow.id)
    campaign = campaigns.wish(
        database,
        CampaignModel(
            workflow_id=workflow.id,
            n=n,
            scheduler=scheduler,
            idle_timeout=idle_timeout,
            max_node_hours=max_node_hours,
            asked=None if before is None else before.asked,
            user=f"{getpass.getuser()}@{socket.gethostname()}",
            nodes_refused=chains.foreseen(scheduler, before),
        ),
    )
    chains.cut(database, campaign)
    standing = campaigns.standing(database, campaign)
    # What was asked for before there is anything to do waits for what is yet to be mapped.
    is_ahead = not standing.unclaimed and not standing.stopped
    wanted = n if is_ahead else _wanted(database, campaign, standing)
    try:
        launched = _fill(database, workflow, campaign, _affordable(campaign, standing, wanted))
    except LaunchError as error:
        campaigns.end(database, workflow.id, "stopped", str(error))
        raise
    alive = standing.running + standing.waiting
    return Brought(len(launched), alive, _said(database, campaign, launched, alive))


def _check(n: int, scheduler: SlurmSchedulerModel, max_node_hours: float | None) -> None:
    if n < 1:
        raise InvalidRequest(f"schedule_nodes({n}): give a number of nodes of at least 1.")
    if max_node_hours is None:
        return
    if scheduler.walltime is None:
        raise InvalidRequest('max_node_hours needs to know what an allocation may take: give walltime="4h" too.')
    if scheduler.walltime > 3600 * max_node_hours:
        raise InvalidRequest(
            f"max_node_hours={max_node_hours:g} is less than one allocation's walltime of "
            f"{scheduler.walltime / 3600:g} h: nothing could be submitted. Give more, or a shorter walltime."
        )


def _said(database: Database, campaign: CampaignModel, launched: Sequence[launch.Launched], alive: int) -> str:
    now = campaigns.get(database, campaign.workflow_id)
    done = launching.submitted(list(launched)) if launched else f"{alive} allocation(s) are pending or running already"
    return "; ".join([done, describe(now or campaign)])


def describe(campaign: CampaignModel) -> str:
    """Say what is wished and what became of it, as a sentence."""
    ceiling = "" if campaign.max_node_hours is None else f", at most {campaign.max_node_hours:g} node-hours"
    wish = f"{counted(campaign.n, 'allocation')} until all is done{ceiling}"
    if campaign.state == "on":
        return f"{wish}: {campaign.message}" if campaign.message else wish
    return f"{wish}, {campaign.state}: {campaign.message}"


def changed(
    database: Database, workflow_id: int, until_done: bool | None, *, more: bool
) -> CampaignModel | None:
    """Return the wish that a request for nodes changes; None where it changes none. One that says it is not, ends it.

    Raises
    ------
    InvalidRequest
        It does not go together.
    """
    if more and until_done:
        raise InvalidRequest("more=True does not go with until_done=True: give the number of nodes to have in all.")
    before = campaigns.get(database, workflow_id)
    if before is None or before.state != "on" or more:
        return None
    if until_done is False:
        campaigns.end(database, workflow_id, "canceled", "schedule_nodes asked for nodes once")
        return None
    return before


def wished(database: Database, workflow_id: int) -> CampaignModel | None:
    """Return how many allocations a workflow is to have until it is done, and what became of that."""
    return campaigns.get(database, workflow_id)


def cancel(database: Database, workflow_id: int) -> None:
    """End a workflow's wish for allocations, if it has one."""
    database.check_writable()
    campaigns.end(database, workflow_id, "canceled", "its allocations were canceled by the user")


def top_up(database: Database, workflow_id: int, *, on_node: bool = False) -> None:
    """Submit what is missing to the allocations that a workflow is to have; cancel what waits for nothing.

    Nothing is raised where Slurm refuses: it stands in the campaign, and is tried again later, or ends it. Where it
    takes nothing ``on_node``, which is where a worker is, it is left to those who look from elsewhere.
    """
    if database.is_read_only:
        return
    campaign = campaigns.get(database, workflow_id)
    if campaign is None or campaign.state != "on":
        return
    workflow = workflows.get(database, workflow_id)
    if workflow.state == "canceled":
        campaigns.end(database, workflow_id, "canceled", "the workflow was canceled")
        return
    with contextlib.suppress(TorcError):  # it is another user's, whose processes see to it
        trust.check(database, workflow, "Workers run their own user's workflows")
        _settle(database, workflow, campaign, on_node)


def _settle(database: Database, workflow: WorkflowModel, campaign: CampaignModel, on_node: bool) -> None:
    standing = campaigns.standing(database, campaign)
    id_ = campaign.workflow_id
    if standing.statuses and not any(not status.is_finished for status in standing.statuses):
        campaigns.end(database, id_, "done", "all jobs have finished")
        return
    if standing.stopped and not standing.ready and not claims.can_still_get_work(database, id_):
        _stop(database, standing, id_)
        return
    left = standing.not_begun if campaign.nodes_refused else standing.unclaimed
    if standing.statuses and standing.waiting > left and slurm.available():
        _cancel_surplus(database, id_, left)
    is_due = campaigns.is_due(database, id_, links=chains.LINKS)
    if standing.state != "started" or not slurm.available() or not is_due:
        return
    if standing.idle_ends >= IDLE_ENDS:
        campaigns.end(database, id_, "stopped", _why_idle(database, campaign, standing))
        if campaign.nodes_refused:
            _cancel_surplus(database, id_, 0)
        return
    if on_node and campaign.nodes_refused:
        return
    alive = standing.running + standing.waiting
    wanted = _affordable(campaign, standing, _wanted(database, campaign, standing))
    if wanted > alive:
        _submit_or_put_off(database, workflow, campaign, wanted, on_node)
    elif campaign.nodes_refused and alive:
        campaigns.put_off(database, id_, chains.described(campaign, alive), NOT_NOW)
    elif not alive and standing.ready:
        campaigns.end(
            database, id_, "stopped",
            f"its {campaign.max_node_hours:g} node-hours are used up ({standing.used:.2f}); "
            "wf.schedule_nodes(n, until_done=True, max_node_hours=…) grants more",
        )  # fmt: skip


def _stop(database: Database, standing: Standing, workflow_id: int) -> None:
    """End a campaign of which all that is left is of maps that are stopped, or waits for these."""
    if standing.waiting and slurm.available():
        _cancel_surplus(database, workflow_id, 0)
    why = "; ".join(limits.sentence(database, workflow_id, stop) for stop in limits.stops(database, workflow_id))
    campaigns.end(database, workflow_id, "stopped", f"{why}. {limits.CURE} Then {_AGAIN}")


def _cancel_surplus(database: Database, workflow_id: int, left: int) -> None:
    """Cancel what waits in the queue, but for so many."""
    with contextlib.suppress(LaunchError):  # they start some time, find nothing to do, and leave
        slurm.cancel(allocations.cancel_surplus(database, workflow_id, left))


def _wanted(database: Database, campaign: CampaignModel, standing: Standing) -> int:
    """How many allocations there is work for, be it for those that begin when these have ended."""
    return chains.wanted(database, campaign, standing) if campaign.nodes_refused else _side_by_side(campaign, standing)


def _side_by_side(campaign: CampaignModel, standing: Standing) -> int:
    """How many allocations there is work for: one that begins finds a job that is at no other."""
    return min(campaign.n, standing.running + standing.ready)


def _affordable(campaign: CampaignModel, standing: Standing, wanted: int) -> int:
    """How many of those wanted the limit of node-hours lets there be, counted as if each took its whole walltime."""
    if campaign.max_node_hours is None or not campaign.scheduler.walltime:
        return wanted
    more = int((campaign.max_node_hours - standing.used) * 3600 / campaign.scheduler.walltime + 1e-9)
    return min(wanted, standing.running + standing.waiting + max(0, more))


def _why_idle(database: Database, campaign: CampaignModel, standing: Standing) -> str:
    last = campaigns.last_failure(database, campaign)
    return (
        f"the last {standing.idle_ends} allocations ended and no job began in any of them"
        f"{f' (the last one: {last})' if last else ''}; `%torc allocations list` shows them. Then {_AGAIN}"
    )


def _submit_or_put_off(
    database: Database, workflow: WorkflowModel, campaign: CampaignModel, wanted: int, on_node: bool
) -> None:
    id_ = campaign.workflow_id
    try:
        _fill(database, workflow, campaign, wanted)
    except SlurmUnavailable as error:
        campaigns.put_off(database, id_, f"{_first_line(error)} It is tried again.", NOT_NOW)
    except LaunchError as error:
        if on_node:
            chains.refused(database, id_, error)
            return
        refusals = campaigns.put_off(database, id_, _first_line(error), REFUSED, refused=True)
        if refusals >= IDLE_ENDS:
            campaigns.end(database, id_, "stopped", f"{error}\nIt was refused {refusals} times. Then {_AGAIN}")


def _fill(
    database: Database, workflow: WorkflowModel, campaign: CampaignModel, wanted: int
) -> list[launch.Launched]:
    """Submit what is missing to ``wanted``, as much of it as Slurm takes now.

    Raises
    ------
    LaunchError
        Slurm refused for another reason than that it is too much.
    """
    entered: list[tuple[list[int], launch.Chain | None]] = [*_entered(database, campaign, wanted)]
    launched: list[launch.Launched] = []
    try:
        for left, chain in entered:
            launched += _submit(database, workflow, campaign, left, chain)
            if left:
                return launched
    finally:
        if lost := [id_ for left, _ in entered for id_ in left]:
            allocations.withdraw(database, lost)
    if launched:
        campaigns.go_on(database, campaign.workflow_id)
    if campaign.nodes_refused:
        alive = [one for one in allocations.listed(database, campaign.workflow_id, alive=True) if one.kind == "slurm"]
        campaigns.put_off(database, campaign.workflow_id, chains.described(campaign, len(alive)), NOT_NOW)
    return launched


def _entered(
    database: Database, campaign: CampaignModel, wanted: int
) -> Sequence[tuple[list[int], launch.Chain | None]]:
    """Enter what is missing: in chains, where no worker can submit what comes after it."""
    if campaign.nodes_refused:
        return chains.entered(database, campaign, wanted)
    id_ = campaign.workflow_id
    return [(allocations.create(database, id_, "slurm", wanted, campaign.scheduler.id, up_to=True), None)]


def _submit(
    database: Database, workflow: WorkflowModel, campaign: CampaignModel, left: list[int], chain: launch.Chain | None
) -> list[launch.Launched]:
    """Submit what was entered, in arrays that Slurm takes now, and take it out of the list."""
    launched: list[launch.Launched] = []
    piece = launch.array_size(len(left))
    while left:
        try:
            launched += launching.submit(
                database, workflow, left[:piece], campaign.scheduler, idle_timeout=campaign.idle_timeout, chain=chain
            )
        except SlurmLimit as error:
            if piece == 1:
                campaigns.put_off(database, campaign.workflow_id, f"{_limit(error)} It is tried again.", NOT_NOW)
                return launched
            piece //= 2
            continue
        del left[:piece]
    return launched


def _limit(error: SlurmLimit) -> str:
    """Say that a limit is reached, with Slurm's name of it."""
    return f"Slurm takes no more of your jobs for now ({_first_line(error).rpartition('error: ')[2]})."


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def requeue(database: Database, workflow_id: int, allocation_id: int, scheduler_job: str) -> bool:
    """Put the allocation of a worker that has left back into Slurm's queue, where a limit lets nothing be submitted.

    Called within that allocation, which ends by it. Returns whether it goes back.
    """
    campaign = campaigns.get(database, workflow_id)
    if campaign is None or campaign.state != "on":
        return False
    standing = campaigns.standing(database, campaign)
    if standing.state != "started" or standing.idle_ends >= IDLE_ENDS:
        return False
    wanted = _affordable(campaign, standing, _side_by_side(campaign, standing))
    if not allocations.put_back(database, workflow_id, allocation_id, wanted):
        return False
    try:
        slurm.requeue(scheduler_job)
        if excluded := exclusions.names(database, workflow_id):
            # Else it might come to the same node again and again.
            slurm.exclude(scheduler_job, launch.left_out(campaign.scheduler, excluded))
    except LaunchError as error:
        with contextlib.suppress(LaunchError):
            slurm.cancel([scheduler_job])
        allocations.end(database, allocation_id, "ended", f"it could not be queued again: {_first_line(error)}")
        return False
    return True
