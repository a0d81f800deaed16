"""``reinitialize``: what is affected by a change is made ready again; and what it would do, shown first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from torc_nb.changes.current import Current
from torc_nb.changes.reasons import CODE, EPHEMERAL, PARAMETER, RESUMED, Plan, Reasons
from torc_nb.changes.report import Report
from torc_nb.models import JobStatus
from torc_nb.store import Database, downstream, ephemeral, resetting, staleness, workflows
from torc_nb.store.downstream import Downstream
from torc_nb.store.staleness import Stale

NOTHING: Mapping[int, bool] = MappingProxyType({})


def foreseen(
    database: Database,
    workflow_id: int,
    current: Current,
    notes: Sequence[str] = (),
    supposed: Mapping[int, bool] = NOTHING,
) -> Report:
    """Return what a reinitialize would do; nothing is written.

    Parameters
    ----------
    supposed
        Jobs whose parameters shall count as changed (True), or as those that their results were made with (False),
        whatever stands in the database.
    """
    stale = staleness.find(database, workflow_id, current.digests())
    for job_id, is_changed in supposed.items():
        (stale.params.add if is_changed else stale.params.discard)(job_id)
    following = downstream.of(database, stale.all())
    plan = Plan.of(database, workflow_id, stale, following)
    held = sum(job_id in following.jobs for job_id in plan.again)
    numbers = workflows.statuses(database, workflow_id)
    affected = len(plan.again) + len(plan.waiting)
    reasons = Reasons(database, workflow_id, plan, current)
    failed = resetting.count(database, plan.affected(), JobStatus.FAILED)
    return Report(
        total=sum(numbers.values()),
        ready=len(plan.again) - held,
        waits=len(plan.waiting) + held,
        failed=numbers.get(JobStatus.FAILED, 0) - failed,
        run_id=workflows.get(database, workflow_id).run_id + bool(affected),
        reasons=_counted(stale, following),
        notes=tuple(notes),
        rows=reasons.rows,
        groups=reasons.groups,
        is_dry_run=True,
        jobs=plan.affected(),
    )


def reinitialized(database: Database, workflow_id: int, current: Current, notes: Sequence[str] = ()) -> Report:
    """Make affected jobs ready again with the code as it now is, and let what follows from them wait.

    Attempts of affected jobs that run at this moment are stopped; all others go on. Interrupted at any moment, it can
    be called again. Two that are called at once do it once.
    """
    digests = current.digests()
    stale = staleness.find(database, workflow_id, digests)
    said: list[str] = []

    def still_stale(connection: Any, job_ids: Sequence[int]) -> set[int]:
        return staleness.still(connection, workflow_id, digests, job_ids)

    def once_aside() -> None:
        said.extend(current.take_effect(database, workflow_id))
        ephemeral.clear(database, workflow_id)

    done = resetting.run_again(
        database, workflow_id, stale.all(), still_stale, once_aside=once_aside, kind="workflow reinitialized"
    )
    numbers = workflows.statuses(database, workflow_id)
    return Report(
        total=sum(numbers.values()),
        ready=done.ready,
        waits=done.waits,
        failed=numbers.get(JobStatus.FAILED, 0),
        run_id=done.run_id,
        reasons=_counted(stale, None),
        notes=(*notes, *said),
    )


def _counted(stale: Stale, following: Downstream | None) -> dict[str, int]:
    counted = {PARAMETER: len(stale.params), CODE: len(stale.code), RESUMED: len(stale.resumed)}
    return counted if following is None else counted | {EPHEMERAL: len(following.upstream)}
