"""A user who changes parameters, has jobs run again, and cancels some in vain, while all else goes on."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from chaos.schedule import Planned
from torc_nb.api import Api
from torc_nb.api.user_data import input_key
from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import CLAIMED, JobStatus
from torc_nb.workflow.map import Map

#: How many jobs are changed at once.
JOBS = 10
#: How long a user asks again while the database is away, in seconds.
PATIENCE = 60.0

_T = TypeVar("_T")


class Editor:
    """Changes jobs, and remembers what was asked; each edit tells how many of its jobs a worker held."""

    def __init__(self, api: Api, workflow_id: int) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self._shifts = itertools.count(1)
        self._modifying = threading.Lock()  # so that it is known which value came last
        self.asked: Counter[int] = Counter()  # by job, how many further results of the same parameters there may be
        self.given: dict[int, list[int]] = defaultdict(list)  # by job, the shifts that it was given one after the other

    def rerun(self, planned: Planned) -> int:
        """Have what has completed run again."""
        jobs = self._chosen(planned)
        self._run_again(jobs, [JobStatus.COMPLETED])
        return _held(jobs)

    def cancel(self, planned: Planned) -> int:
        """Cancel jobs, and have them run after all."""
        jobs = self._chosen(planned)
        _patiently(lambda: self._api.cancel_jobs(self._workflow_id, [job.id for job in jobs]))
        self._run_again(jobs, [JobStatus.CANCELED, JobStatus.TERMINATED])
        return _held(jobs)

    def modify(self, planned: Planned) -> int:
        """Give jobs other parameters: as an edited table, or one by one."""
        jobs = self._chosen(planned)
        write = self._write_table if planned.lasts < 0.5 else self._write_each
        with self._modifying:
            shift = next(self._shifts)
            _patiently(lambda: write(jobs, shift))  # said twice it is done once
            for job in jobs:
                self.given[job.id].append(shift)
        return _held(jobs)

    def reinitialize(self, planned: Planned) -> int:
        """Give jobs other parameters, and have all run again that were changed so far."""
        held = self.modify(planned)
        _patiently(lambda: self._api.reinitialize(self._workflow_id))
        return held

    def _chosen(self, planned: Planned) -> list[Any]:
        """Choose neighbours of one map: those around a job that a worker holds, if there is one and the user aims."""
        return _patiently(lambda: self._around(self._one(planned)))

    def _one(self, planned: Planned) -> Any:
        held = self._api.list_jobs(self._workflow_id, statuses=sorted(CLAIMED)) if planned.aims else []
        among = held or self._api.list_jobs(self._workflow_id)
        return among[int(planned.choice * len(among))]

    def _around(self, job: Any) -> list[Any]:
        first = max(0, job.row - JOBS // 2)
        return self._api.list_jobs(self._workflow_id, map_id=job.map_id, limit=JOBS, offset=first)

    def _run_again(self, jobs: Sequence[Any], statuses: Sequence[JobStatus]) -> None:
        ids = [job.id for job in jobs]

        def ask() -> None:
            self.asked.update(ids)  # before: a worker may be faster; each time: an answer may be all that was lost
            self._api.rerun(self._workflow_id, statuses, ids)

        _patiently(ask)

    def _write_table(self, jobs: Sequence[Any], shift: int) -> None:
        maps = {one.id: one.name for one in self._api.list_maps(self._workflow_id)}
        edited = Map(self._api, self._workflow_id, jobs[0].map_id, maps[jobs[0].map_id])
        table = edited.params()
        table.loc[[job.row for job in jobs], "shift"] = shift
        edited.modify(table)

    def _write_each(self, jobs: Sequence[Any], shift: int) -> None:
        for job in jobs:
            self._api.modify_user_data(input_key(job.id), values={"shift": shift})


def _held(jobs: Sequence[Any]) -> int:
    return sum(job.status in CLAIMED for job in jobs)


def _patiently(act: Callable[[], _T]) -> _T:
    """Say it again while the database is away: what was begun goes on."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except DatabaseUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
