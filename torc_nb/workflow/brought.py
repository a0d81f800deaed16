"""The workers that an executor brings, and takes with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from torc_nb.api import Api
from torc_nb.api.launching import Brought as Answer
from torc_nb.errors import LaunchError, TorcError

#: How long the end of workers is waited for, in seconds; they leave in a fraction of it.
FAREWELL = 10.0


class Brought:
    """Brings workers where there are none, and sends away those that it brought.

    Parameters
    ----------
    bring : callable or None
        Has workers, as ``wf.run`` and ``wf.schedule_nodes`` do; None: whoever made the executor sees to them.
    """

    def __init__(self, api: Api, workflow_id: int, bring: Callable[[], Answer] | None) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self._bring = bring
        self._allocations: set[int] = set()

    def bring(self) -> str:
        """Have workers; returns what to say of it."""
        if self._bring is None:
            return ""
        answer = self._bring()
        self._allocations.update(answer.allocations)
        return answer.message

    def why_in_vain(self, *, may_bring: bool) -> BaseException | None:
        """Return why jobs wait in vain, where no worker runs or is coming and none can be brought."""
        try:
            self._api.check_progress(self._workflow_id)
        except LaunchError as error:
            if self._bring is None or not may_bring:
                return LaunchError(f"{error}\nWhat was submitted stays in the workflow, as wf.jobs() shows.")
            try:
                self.bring()
            except TorcError as refused:
                return refused
        return None

    def dismiss(self, *, wait: bool = True) -> None:
        """Send away those that this brought, unless the workflow has other work for them, and wait until they left."""
        if not self._allocations:
            return
        with suppress(TorcError):  # the database or Slurm is away: they leave when they have been idle for a while
            self._api.dismiss(self._workflow_id, self._allocations)
            deadline = time.monotonic() + FAREWELL
            while wait and time.monotonic() < deadline and self._any_leaves():
                time.sleep(0.02)

    def _any_leaves(self) -> bool:
        workers = self._api.list_workers(self._workflow_id)
        return any(one.state == "leaving" and one.allocation_id in self._allocations for one in workers)
