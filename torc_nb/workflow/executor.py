"""``Executor``: a workflow as what the standard library, and whatever is built on it, takes calls to."""

from __future__ import annotations

import atexit
import concurrent.futures
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from torc_nb.api import Api
from torc_nb.api.submitting import Ended
from torc_nb.models import ResourceRequirementsModel
from torc_nb.models.quantities import counted
from torc_nb.workflow.awaiting import Awaiting
from torc_nb.workflow.brought import Brought
from torc_nb.workflow.callees import Callees
from torc_nb.workflow.future import JobFuture
from torc_nb.workflow.storing import Storing, Submission

#: How long the end of this process waits for calls that are not stored yet, in seconds.
LAST_CALLS = 10.0

_open: weakref.WeakSet[Executor] = weakref.WeakSet()


class Executor(concurrent.futures.Executor):
    """A ``concurrent.futures.Executor`` whose calls are jobs of a workflow; ``wf.executor()`` makes it.

    They are rows of the map ``executor:NAME`` of the function's name, which keeps them, their results and failures
    when this process ends.
    """

    def __init__(self, api: Api, workflow_id: int, requirement: ResourceRequirementsModel, brought: Brought) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self._brought = brought
        self._callees = Callees(api, workflow_id, requirement)
        self._awaiting = Awaiting(api, workflow_id, self._why_in_vain)
        self._storing = Storing(api, workflow_id, self._awaiting)
        self._lock = threading.Lock()
        self._is_shut = False
        self._settled = -1  # how many futures had been, when it was looked last whether jobs can begin
        self._ending = threading.Thread(target=self._end, name="torc-nb-ending", daemon=True)
        for thread in (self._awaiting, self._storing, self._ending):
            thread.start()
        _open.add(self)

    def __repr__(self) -> str:
        return f"Executor(workflow {self._workflow_id}, {'shut down' if self._is_shut else 'open'})"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Shut down; who presses the stop button waits for no call: they go on, and the workflow holds them."""
        is_stopped = kind is not None and issubclass(kind, KeyboardInterrupt)
        self.shutdown(wait=not is_stopped)
        if is_stopped and (left := len(self._awaiting.job_ids())):
            which = f"{counted(left, 'call')} of workflow {self._workflow_id}"
            print(f"Not waited for any more: {which}; wf.cancel() stops them.")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> JobFuture:
        """Make a call a job, and return the future of what it returns.

        What cannot travel is the future's exception, as with ``ProcessPoolExecutor``.

        Raises
        ------
        RuntimeError
            The executor was shut down.
        """
        return self._submit(self._callees.key(fn), fn, args, kwargs)

    def map(
        self, fn: Callable[..., Any], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[Any]:
        """Submit a call for each row of the iterables at once, and return an iterator of the results in their order.

        Parameters
        ----------
        fn : callable
            What is called.
        *iterables : iterable
            Its arguments; the shortest ends it.
        timeout : float, optional
            Seconds from now on after which the iterator raises TimeoutError.
        chunksize : int, default 1
            At least 1; workers choose by themselves how many calls travel together.

        Raises
        ------
        RuntimeError
            The executor was shut down.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        deadline = None if timeout is None else time.monotonic() + timeout
        key = self._callees.key(fn)
        futures = [self._submit(key, fn, args, {}) for args in zip(*iterables, strict=False)]
        return self._in_order(futures, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; when all have ended, the workers that this executor brought end too.

        Parameters
        ----------
        wait : bool, default True
            Wait for that. Without, the calls go on all the same, even when this process ends.
        cancel_futures : bool, default False
            Cancel the calls that no worker has.
        """
        with self._lock:
            self._is_shut = True
        if cancel_futures:
            self._withdraw(self._storing.take_all_back(), self._awaiting.job_ids())
        self._storing.close()
        if wait:
            self._ending.join()

    def _submit(self, key: Any, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> JobFuture:
        future = JobFuture(self._cancel, self._api.is_running)
        with self._lock:
            if self._is_shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            try:
                callee, call = self._callees.call(key, fn, args, kwargs)
            except Exception as error:
                future.set_exception(error)
            else:
                self._storing.add(Submission(future, call, callee))
        return future

    def _in_order(self, futures: list[JobFuture], deadline: float | None) -> Iterator[Any]:
        futures.reverse()
        try:
            while futures:
                left = None if deadline is None else deadline - time.monotonic()
                result = futures[-1].result(left)
                futures.pop()  # before it is given: neither this list nor that one shall hold results
                yield result
        finally:
            self._cancel_all(futures)

    def _cancel(self, future: JobFuture) -> None:
        self._cancel_all([future])

    def _cancel_all(self, futures: list[JobFuture]) -> None:
        """Cancel the calls that no worker has."""
        left = [future for future in futures if not future.done()]
        unstored = [future for future in left if self._storing.take_back(future)]
        self._withdraw(unstored, [future.job_id for future in left if future.job_id is not None])

    def _withdraw(self, unstored: list[JobFuture], job_ids: list[int]) -> None:
        for future in unstored:
            future.settle(Ended(0, is_withdrawn=True))
        if job_ids:
            withdrawn = self._api.withdraw_calls(self._workflow_id, job_ids)
            self._awaiting.settle(Ended(job_id, is_withdrawn=True) for job_id in withdrawn)

    def _why_in_vain(self) -> BaseException | None:
        """Why no job can begin, unless workers can be brought; where the last ones did nothing none are."""
        has_moved = self._awaiting.settled > self._settled
        self._settled = self._awaiting.settled
        return self._brought.why_in_vain(may_bring=has_moved)

    def _end(self) -> None:
        """End what belongs to the executor when it was shut down and all its calls have ended."""
        self._storing.join()
        self._awaiting.close()
        self._awaiting.join()
        self._brought.dismiss()


def _leave_all() -> None:
    """Store what was submitted before the process ends, since the workflow holds it; workers without work may go."""
    for executor in list(_open):
        if executor._storing.flush(LAST_CALLS):
            executor._brought.dismiss(wait=False)


atexit.register(_leave_all)
