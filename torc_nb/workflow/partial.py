"""Results before all are there: shown while they come in, and given to postprocess without storing anything."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.widgets.gathered import beyond_ours, gathered
from torc_nb.widgets.refreshing import Refreshing, Seen
from torc_nb.workflow.waiting import Waits

if TYPE_CHECKING:
    import pandas as pd


class Partial(Waits):
    """What a map offers while only some of its results are there."""

    id: int

    @abstractmethod
    def results(self) -> pd.DataFrame:
        """Return the results that are there."""

    @abstractmethod
    def _job_ids(self) -> Sequence[int]:
        """Return the jobs, in the order of their rows."""

    @abstractmethod
    def _postprocess_id(self) -> int | None:
        """Return the job that is given all results."""

    def live(self, function: Callable[[pd.DataFrame], Any]) -> Any:
        """Show in the cell what a function makes of the results, anew while more come in; a decorator.

        ::

            @m.live
            def plot(results):
                results.plot.scatter("x", "result")

        The function is given ``m.results()`` from the first result on: between cells and during ``m.wait()``, in at
        most about a tenth of the time, and a last time when all jobs have finished. What it prints, displays, draws
        with pyplot and returns is shown in its place; an error too, and the next results are tried again. The saved
        notebook keeps what was shown last. Run the cell again to begin anew, as after a ``rerun`` or a
        kernel's restart.

        With ``TORC_NB_PROGRESS=plain``, and outside a notebook, it waits for the jobs, calls the function once, and
        lets its error through.

        Returns
        -------
        Refreshing
            Has ``stop()``, and may be called as the function may. Outside a notebook the function itself.

        Raises
        ------
        LaunchError
            It waits, and no worker runs or is coming.
        """
        shell = _kernel_shell()
        if shell is None or os.environ.get("TORC_NB_PROGRESS") == "plain":
            self.wait(progress=False)
            self._call_once(shell, function)
            return function
        from torc_nb.widgets.view import POLL  # ipywidgets is slow to import

        shown = Refreshing(_Results(self), function, self.name, shell)
        shown.begin(POLL)
        return shown

    def preview(self, postprocess: Callable[[list[Any]], Any] | None = None) -> Any:
        """Call postprocess in this process with the results that are there, in input order; nothing is stored.

        It prints on how many of how many results it ran.

        Parameters
        ----------
        postprocess : callable, optional
            What to call, as the cell now has it. Default: the map's own, as it is stored.

        Raises
        ------
        NotFound
            The map has no postprocess, or no result is there yet.
        NotTrusted
            Another user may have written what would run here.
        """
        __tracebackhide__ = True  # IPython's word for a call that no stack shows
        seen = _Results(self).seen()
        if not seen.completed:
            raise NotFound(f"No result of {self.name} is there yet; m.failures() and wf show how it stands.")
        call, n = self._previewed(postprocess)
        print(f"preview on {n:,} of {len(self._job_ids()):,} results of {self.name}; nothing is stored")
        try:
            return call()
        except Exception as error:
            raise error.with_traceback(beyond_ours(error.__traceback__)) from error.__cause__

    def _previewed(self, postprocess: Callable[[list[Any]], Any] | None) -> tuple[Callable[[], Any], int]:
        """Return the call to make, and how many results it is given."""
        if postprocess is None:
            job_id = self._postprocess_id()
            if job_id is None:
                raise NotFound(f"Map {self.name} has no postprocess: give one, as in m.preview(function).")
            reproduction = self._api.reproduce(self._workflow_id, job_id)
            return reproduction, len(reproduction.args[0])
        job_ids = list(self._job_ids())
        there = self._api.values(self.id, job_ids)
        given = [there[job_id] for job_id in job_ids if job_id in there]
        return lambda: postprocess(given), len(given)

    def _call_once(self, shell: Any, function: Callable[[pd.DataFrame], Any]) -> None:
        if shell is None:
            function(self.results())
            return
        for part in gathered(shell, function, self.results(), catch=False):
            shell.display_pub.publish(part)


class _Results:
    """The results of a map, as a refreshing place asks for them."""

    def __init__(self, map_: Partial) -> None:
        self._map = map_

    def __repr__(self) -> str:
        return f"{self._map._api.database.url} {self._map.id}"

    def seen(self) -> Seen:
        postprocess = self._map._postprocess_id()  # raises where the map is gone
        numbers = self._map._numbers()
        completed = numbers.get(JobStatus.COMPLETED, 0)
        is_done = all(status.is_finished for status, n in numbers.items() if n)
        total = sum(numbers.values())
        if postprocess is not None:
            total -= 1
            completed -= self._map._api.get_job(postprocess).status == JobStatus.COMPLETED
        return Seen(completed, numbers.get(JobStatus.FAILED, 0), total, is_done)

    def read(self) -> pd.DataFrame:
        return self._map.results()


def _kernel_shell() -> Any:
    """Return the shell of the notebook's kernel, where this is one."""
    if "ipykernel.zmqshell" not in sys.modules:
        return None
    from IPython import get_ipython

    shell: Any = get_ipython()
    return shell if hasattr(shell, "kernel") else None
