"""How many allocations a workflow is to have while work remains, and what became of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from torc_nb import models
from torc_nb.models import CLAIMED, JobStatus
from torc_nb.store import counts, events, leases, limits, schema
from torc_nb.store.allocations import ALIVE
from torc_nb.store.database import Database

_campaigns = schema.campaigns
_allocations = schema.allocations
_workers = schema.workers

_UNSEEN = frozenset({"scheduler_id", "retry", "refusals", "finished", "progressed", "probed"})

#: What waits in the queue is looked after when nobody asked Slurm of it for so long, in seconds.
FORGOTTEN = 300.0
#: A worker that was asked to try and did not tell within this is taken for gone, in seconds.
TELLS_WITHIN = 120.0


@dataclass(frozen=True)
class Standing:
    """How a campaign stands.

    Attributes
    ----------
    state : str
        The workflow's.
    statuses : mapping
        How many of its jobs have which status.
    running, waiting : int
        How many allocations of Slurm run, and how many are still to begin.
    used : float
        What the campaign's allocations took, and those that run or wait may still take where their walltime is known,
        in node-hours.
    idle_ends : int
        How many of its allocations ended, one after the other, without that any job began.
    stopped : int
        How many jobs will not begin, since too many of their maps' have failed.
    """

    state: str
    statuses: Mapping[JobStatus, int]
    running: int
    waiting: int
    used: float
    idle_ends: int
    stopped: int = 0

    @property
    def ready(self) -> int:
        """How many jobs could begin."""
        return self.statuses.get(JobStatus.READY, 0) - self.stopped

    @property
    def unclaimed(self) -> int:
        """How many jobs have not finished, are at no worker, and are of no map that is stopped."""
        left = sum(n for status, n in self.statuses.items() if not status.is_finished) - self.stopped
        return left - sum(self.statuses.get(status, 0) for status in CLAIMED)

    @property
    def not_begun(self) -> int:
        """How many jobs have neither finished nor begun, at a worker or not, and are of no map that is stopped."""
        return _not_begun(self.statuses) - self.stopped


def wish(database: Database, campaign: models.CampaignModel) -> models.CampaignModel:
    """Write how many allocations a workflow is to have, instead of what was wished before."""
    with database.write() as connection:
        now = database.now(connection)
        connection.execute(delete(_campaigns).where(_campaigns.c.workflow_id == campaign.workflow_id))
        values = {
            "scheduler": campaign.scheduler.model_dump(exclude={"id"}),
            "scheduler_id": campaign.scheduler.id,
            "asked": campaign.asked or now,
            "retry": 0.0,
            "refusals": 0,
            "finished": _finished(connection, campaign.workflow_id),
            "progressed": now,
        }
        connection.execute(insert(_campaigns).values(campaign.model_dump() | values))
        events.add(
            database, connection, campaign.workflow_id, "campaign began",
            n=campaign.n, max_node_hours=campaign.max_node_hours, user=campaign.user,
        )  # fmt: skip
    return campaign.model_copy(update={"asked": campaign.asked or now})


def get(database: Database, workflow_id: int) -> models.CampaignModel | None:
    """Return a workflow's campaign, be it over; None where it had none."""
    with database.read() as connection:
        row = connection.execute(select(_campaigns).where(_campaigns.c.workflow_id == workflow_id)).mappings().first()
    if row is None:
        return None
    values = {name: value for name, value in row.items() if name not in _UNSEEN}
    scheduler = models.SlurmSchedulerModel(**row["scheduler"]).model_copy(update={"id": row["scheduler_id"]})
    return models.CampaignModel(**values | {"scheduler": scheduler})


def is_due(
    database: Database, workflow_id: int, *, on_node: bool = False, last_chance: bool = False, links: int = 1
) -> bool:
    """Whether anything may have to be done for a workflow's campaign: allocations are missing, or forgotten.

    With ``last_chance`` also where it is to be tried later, at which there may be nobody to do it. ``on_node``: who
    asks is where a worker is, which may not be able to submit. ``links``: how many there may be in each chain.
    """
    with database.read() as connection:
        now = database.now(connection)
        row = connection.execute(
            select(_campaigns.c.n, _campaigns.c.retry, _campaigns.c.nodes_refused).where(
                _campaigns.c.workflow_id == workflow_id, _campaigns.c.state == "on"
            )
        ).first()
        if row is None or (not last_chance and (row.retry > now or (on_node and row.nodes_refused))):
            return False
        alive = connection.execute(
            select(_allocations.c.state, func.coalesce(_allocations.c.asked, _allocations.c.submitted)).where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.kind == "slurm",
                _allocations.c.state.in_(ALIVE),
            )
        ).all()
        if any(state == "submitted" and asked < now - FORGOTTEN for state, asked in alive):
            return True
        if row.nodes_refused:  # what a worker has claimed ahead may be left for those after it
            return len(alive) < row.n * links and _not_begun(counts.total(connection, workflow_id)) > 0
        return len(alive) < row.n and any(counts.ready(connection, workflow_id).values())


def _not_begun(statuses: Mapping[JobStatus, int]) -> int:
    return sum(n for status, n in statuses.items() if not status.is_finished and status is not JobStatus.RUNNING)


def shall_try(database: Database, workflow_id: int) -> bool:
    """Whether a worker is to try if its node may submit, as that is not known: one of those that ask is told so."""
    with database.write() as connection:
        now = database.now(connection)
        asked = connection.execute(
            update(_campaigns)
            .where(
                _campaigns.c.workflow_id == workflow_id,
                _campaigns.c.state == "on",
                _campaigns.c.nodes_refused.is_(None),
                or_(_campaigns.c.probed.is_(None), _campaigns.c.probed < now - TELLS_WITHIN),
            )
            .values(probed=now)
        )
    return bool(asked.rowcount)


def note_nodes(database: Database, workflow_id: int, refused: str) -> None:
    """Write why the nodes of a campaign that is on may not submit; "": they may."""
    with database.write() as connection:
        noted = connection.execute(
            update(_campaigns)
            .where(
                _campaigns.c.workflow_id == workflow_id,
                _campaigns.c.state == "on",
                or_(_campaigns.c.nodes_refused.is_(None), _campaigns.c.nodes_refused != refused),
            )
            .values(nodes_refused=refused, retry=0.0)
        )
        if noted.rowcount and refused:
            events.add(database, connection, workflow_id, "nodes may not submit", reason=refused)


def standing(database: Database, campaign: models.CampaignModel) -> Standing:
    """Look how a campaign stands; notes where anything went on since it was last looked at."""
    workflow_id = campaign.workflow_id
    with database.write() as connection:
        now = database.now(connection)
        state = connection.scalar(select(schema.workflows.c.state).where(schema.workflows.c.id == workflow_id))
        statuses = counts.total(connection, workflow_id)
        rows = connection.execute(
            select(_allocations.c.state).where(
                _allocations.c.workflow_id == workflow_id,
                _allocations.c.kind == "slurm",
                _allocations.c.state.in_(ALIVE),
            )
        ).all()
        running = sum(row.state == "running" for row in rows)
        _note_progress(connection, workflow_id, statuses, now)
        held = (campaign.scheduler.walltime or 0.0) * len(rows)
        return Standing(
            state=str(state),
            statuses=statuses,
            running=running,
            waiting=len(rows) - running,
            used=(_ended_seconds(connection, campaign) + held) / 3600,
            idle_ends=_idle_ends(connection, campaign),
            stopped=limits.left_over(connection, workflow_id),
        )


def _finished(connection: Connection, workflow_id: int) -> int:
    return sum(n for status, n in counts.total(connection, workflow_id).items() if status.is_finished)


def _note_progress(
    connection: Connection, workflow_id: int, statuses: Mapping[JobStatus, int], now: float
) -> None:
    finished = sum(n for status, n in statuses.items() if status.is_finished)
    is_at_work = any(statuses.get(status) for status in CLAIMED)
    moved = _campaigns.c.workflow_id == workflow_id
    if not is_at_work:
        moved = and_(moved, _campaigns.c.finished != finished)
    connection.execute(update(_campaigns).where(moved).values(finished=finished, progressed=now))


def _of_campaign(campaign: models.CampaignModel) -> Any:
    return and_(
        _allocations.c.workflow_id == campaign.workflow_id,
        _allocations.c.kind == "slurm",
        _allocations.c.submitted >= (campaign.asked or 0.0),
    )


def _ended_seconds(connection: Connection, campaign: models.CampaignModel) -> float:
    """For how long the workers of a campaign that are gone were there."""
    return float(
        connection.scalar(
            select(func.coalesce(func.sum(_workers.c.last_seen - _workers.c.started), 0.0))
            .select_from(_workers.join(_allocations, _allocations.c.id == _workers.c.allocation_id))
            .where(_of_campaign(campaign), _workers.c.state.not_in(leases.PRESENT))
        )
        or 0.0
    )


def _idle_ends(connection: Connection, campaign: models.CampaignModel) -> int:
    """Count what ended and saw nothing go on: workers that began since, and allocations that never had one.

    Not those that came upon a node which the workflow leaves alone, as they were in the queue before it did.
    """
    nodes = schema.excluded_nodes
    excluded = select(nodes.c.node).where(nodes.c.workflow_id == campaign.workflow_id)
    since = select(_campaigns.c.progressed).where(_campaigns.c.workflow_id == campaign.workflow_id).scalar_subquery()
    workers = connection.scalar(
        select(func.count())
        .select_from(_workers.join(_allocations, _allocations.c.id == _workers.c.allocation_id))
        .where(
            _of_campaign(campaign),
            _workers.c.state.not_in(leases.PRESENT),
            _workers.c.started > since,
            _workers.c.host.not_in(excluded),
        )
    )
    stillborn = connection.scalar(
        select(func.count())
        .select_from(_allocations)
        .where(_of_campaign(campaign), _allocations.c.state == "failed", _allocations.c.ended > since)
    )
    return int(workers or 0) + int(stillborn or 0)


def last_failure(database: Database, campaign: models.CampaignModel) -> str:
    """Return the last word on the newest of a campaign's allocations that has one; empty where none has."""
    with database.read() as connection:
        found = connection.scalar(
            select(_allocations.c.message)
            .where(_of_campaign(campaign), or_(_allocations.c.state == "failed", _allocations.c.state == "ended"))
            .order_by(_allocations.c.id.desc())
            .limit(1)
        )
    return str(found or "")


def put_off(database: Database, workflow_id: int, message: str, seconds: float, *, refused: bool = False) -> int:
    """Let nobody try again for so many seconds; returns how often in a row Slurm has ``refused``."""
    with database.write() as connection:
        now = database.now(connection)
        row = connection.execute(
            update(_campaigns)
            .where(_campaigns.c.workflow_id == workflow_id)
            .values(retry=now + seconds, message=message, refusals=_campaigns.c.refusals + 1 if refused else 0)
            .returning(_campaigns.c.refusals)
        ).first()
    return int(row.refusals) if row is not None else 0


def go_on(database: Database, workflow_id: int, message: str = "") -> None:
    """Note that Slurm takes what is submitted, or that nothing is to be submitted for a reason."""
    with database.write() as connection:
        connection.execute(
            update(_campaigns)
            .where(
                _campaigns.c.workflow_id == workflow_id,
                or_(_campaigns.c.refusals > 0, _campaigns.c.message != message),
            )
            .values(refusals=0, message=message)
        )


def end(database: Database, workflow_id: int, state: str, message: str) -> bool:
    """End a campaign that is on, as ``done``, ``stopped`` or ``canceled``; whether there was one."""
    with database.write() as connection:
        ended = connection.execute(
            update(_campaigns)
            .where(_campaigns.c.workflow_id == workflow_id, _campaigns.c.state == "on")
            .values(state=state, message=message)
        ).rowcount
        if ended:
            events.add(database, connection, workflow_id, f"campaign {state}", reason=message)
    return bool(ended)
