"""A user who has jobs run again, and cancels some and thinks better of it, while all else goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from chaos.schedule import Planned
from torc_nb.api import Api
from torc_nb.errors import DatabaseUnavailable
from torc_nb.models import CLAIMED, JobStatus

#: How many jobs are changed at once.
JOBS = 10
#: How long a user asks again while the database is away, in seconds.
PATIENCE = 60.0

_T = TypeVar("_T")


class Editor:
    """Changes jobs, and remembers which were asked to run again."""

    def __init__(self, api: Api, workflow_id: int) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self.asked: Counter[int] = Counter()  # by job, how many further results there may be

    def edit(self, planned: Planned) -> int:
        """Rerun what has completed of some jobs, or cancel and rerun them; returns how many of them a worker held."""
        jobs = _patiently(lambda: self._api.list_jobs(self._workflow_id, limit=JOBS, offset=self._offset(planned)))
        ids = [job.id for job in jobs]
        if planned.lasts < 0.5:
            self._rerun(ids, [JobStatus.COMPLETED])
        else:
            _patiently(lambda: self._api.cancel_jobs(self._workflow_id, ids))
            self._rerun(ids, [JobStatus.CANCELED, JobStatus.TERMINATED])
        return sum(job.status in CLAIMED for job in jobs)

    def _offset(self, planned: Planned) -> int:
        """Where the chosen jobs begin; mostly among those that are run now."""
        total = sum(self._api.numbers(self._workflow_id).values())
        done = self._api.numbers(self._workflow_id).get(JobStatus.COMPLETED, 0)
        return min(max(0, total - JOBS), max(0, done - 2 * JOBS) if planned.aims else int(planned.choice * total))

    def _rerun(self, ids: Sequence[int], statuses: Sequence[JobStatus]) -> None:
        self.asked.update(ids)  # before: a worker may be faster
        _patiently(lambda: self._api.rerun(self._workflow_id, statuses, ids))


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
