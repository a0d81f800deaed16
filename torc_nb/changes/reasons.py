"""Why each affected job is affected, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torc_nb.changes.current import Current
from torc_nb.changes.difference import of_values
from torc_nb.changes.report import Affected, Group
from torc_nb.errors import NotFound
from torc_nb.functions import difference
from torc_nb.store import Database, functions, resetting, staleness, workflows
from torc_nb.store.downstream import Downstream
from torc_nb.store.idsets import Ids
from torc_nb.store.staleness import Stale

PARAMETER, CODE, DOWNSTREAM, RESUMED, EPHEMERAL = (
    "parameter changed",
    "code changed",
    "downstream of these",
    "of an interrupted reinitialize",
    "made what does not outlast a run",
)

#: Old, new, and the difference, as far as they are known.
Triple = tuple[str | None, str | None, str | None]
UNKNOWN: Triple = (None, None, None)


@dataclass(frozen=True)
class Plan:
    """What a reinitialize would do: the jobs that run again, and those that would wait for them."""

    stale: Stale
    following: Downstream
    again: Ids
    waiting: Ids

    @classmethod
    def of(cls, database: Database, workflow_id: int, stale: Stale, following: Downstream) -> Plan:
        """Make the plan out of what was found."""
        again = stale.all()
        for job_id in following.upstream:
            again.add(job_id)
        return cls(stale, following, again, resetting.would_wait(database, workflow_id, following, again))

    def affected(self) -> Ids:
        """Return all jobs that it moves."""
        found = Ids(self.again)
        for job_id in self.waiting:
            found.add(job_id)
        return found


class Reasons:
    """Tells the jobs of a plan, with what differs."""

    def __init__(self, database: Database, workflow_id: int, plan: Plan, current: Current) -> None:
        self._database = database
        self._workflow_id = workflow_id
        self._plan = plan
        self._current = current
        self._labels = functions.labels(database, workflow_id)
        # A million jobs were made by a few versions.
        self._known: dict[tuple[int, int | None, int, int], str | None] = {}

    def rows(self) -> Iterator[Affected]:
        """Give the jobs in the order of their ids."""
        for piece in self._plan.affected().pieces(resetting.PIECE):
            with self._database.read() as connection:
                found = staleness.details(connection, piece)
            yield from map(self._affected, found)

    def groups(self) -> list[Group]:
        """Count the jobs by map and reason, the largest group first; what differs is not read for that."""
        numbers: Counter[tuple[str | None, str]] = Counter()
        for piece in self._plan.affected().pieces(resetting.PIECE):
            with self._database.read() as connection:
                maps = staleness.maps_of(connection, piece)
            numbers.update((maps[job_id], self._kind(job_id)) for job_id in piece if job_id in maps)
        return [Group(*group, number) for group, number in numbers.most_common()]

    def _affected(self, job: Any) -> Affected:
        started, blocked = job.workflow_state != "created", bool(job.map_blocked)
        status = workflows.shown_status(job.status, started=started, blocked=blocked)
        name = job.name if job.name is not None else str(job.row)
        reason, what = self._why(job)
        return Affected(job.id, name, job.map_name, job.row, job.key, status, reason, *what)

    def _why(self, job: Any) -> tuple[str, Triple]:
        kind = self._kind(job.id)
        if kind == PARAMETER:
            return kind, UNKNOWN if job.replaced is None else of_values(job.replaced, job.params)
        if kind == CODE:
            return kind, self._versions(job)
        return self._downstream(job) if kind == DOWNSTREAM else kind, UNKNOWN

    def _kind(self, job_id: int) -> str:
        stale = self._plan.stale
        if job_id in stale.params:
            return PARAMETER
        if job_id in stale.code:
            return CODE
        if job_id in self._plan.waiting:
            return DOWNSTREAM
        return RESUMED if job_id in stale.resumed else EPHEMERAL

    def _downstream(self, job: Any) -> str:
        following = self._plan.following
        if job.id in following.causes:
            return f"downstream of job {following.causes[job.id]}"
        if job.source_id is not None:
            return f"downstream of job {job.source_id}"
        if job.map_id in following.behind:
            return f"downstream of job {following.behind[job.map_id]}"
        before = following.collected.get(job.id) or following.maps[job.map_id]
        first, n = following.first[before]
        return f"downstream of job {first}" + (f" and {n - 1:,} more" if n > 1 else "")

    def _versions(self, job: Any) -> Triple:
        """Return the version that made the result, what the code is now, and their diff."""
        used = job.used_function_id or job.map_function_id
        is_here = job.map_id in self._current.of_maps or job.id in self._current.of_jobs
        latest = None if is_here else job.map_function_id or job.function_id
        key = (used, latest, job.map_id, job.id if job.map_id == 0 else 0)
        if key not in self._known:
            self._known[key] = self._difference(*key)
        label = "as it is here" if latest is None else self._labels.get(latest)
        return self._labels.get(used), label, self._known[key]

    def _difference(self, used: int, latest: int | None, map_id: int, job_id: int) -> str | None:
        try:
            old = functions.get(self._database, used)
            if latest is not None:
                return difference(old, functions.get(self._database, latest))
            here = self._current.of_maps[map_id] if map_id else self._current.of_jobs[job_id]
            return difference(old, here)
        except NotFound:  # whose versions were removed since
            return None
