"""``JobFuture``: what a submitted call will return; the job behind it outlives this process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torc_nb.api.submitting import Ended


class JobFuture(Future[Any]):
    """A future of ``concurrent.futures`` whose call is a job of a workflow.

    Attributes
    ----------
    job_id : int or None
        The job, as ``wf.jobs()``, ``wf.logs(job)`` and ``m.value(job)`` know it; None until it is stored, some
        milliseconds after ``submit``.
    """

    def __init__(self, cancel: Callable[[JobFuture], None], is_running: Callable[[int], bool]) -> None:
        super().__init__()
        self.job_id: int | None = None
        self._withdraw = cancel
        self._is_running = is_running

    def cancel(self) -> bool:
        """Cancel the job unless a worker has it; whether it is canceled. ``wf.cancel([job])`` stops a running one."""
        if not self.done():
            self._withdraw(self)
        return self.cancelled()

    def running(self) -> bool:
        """Whether a worker has the job now; asks the database."""
        return not self.done() and self.job_id is not None and self._is_running(self.job_id)

    def settle(self, ended: Ended) -> None:
        """Take what became of the call, and tell who waits for it; once."""
        if ended.is_withdrawn:
            super().cancel()
            self.set_running_or_notify_cancel()
        elif ended.error is not None:
            self.set_exception(ended.error)
        else:
            self.set_result(ended.value)
