"""What the user does about changes: reinitialize, rerun, accept, cancel, disable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from torc_nb.api import Api, Report, Rerun
from torc_nb.api.selection import Where
from torc_nb.models import FINISHED
from torc_nb.workflow.looking import parsed
from torc_nb.workflow.requirement import resources_of

if TYPE_CHECKING:
    import pandas as pd

#: How many affected jobs a dry run shows where no limit is given.
SHOWN = 1000


class Changing:
    """The changes of a workflow's jobs."""

    _api: Api
    id: int
    name: str

    def reinitialize(
        self, dry_run: bool = False, *, accept: bool = False, limit: int | None = SHOWN
    ) -> pd.DataFrame | None:
        """Make ready again what a change affects: changed parameters, changed code, and all that follows from these.

        Code is the notebook's function as it now is, with the functions that it calls and the values that it reads;
        not its comments, docstrings or formatting. What nothing affects keeps its result, failed jobs stay failed.
        Workers may run meanwhile: they stop what is affected and go on with the rest.

        Parameters
        ----------
        dry_run : bool, default False
            Change nothing, and return what would be done.
        accept : bool, default False
            Let results of earlier code count as those of the code as it now is.
        limit : int or None, default 1000
            How many rows a dry run returns; None: all.

        Returns
        -------
        DataFrame or None
            Of a dry run: the affected jobs, one a row, with the reason, the old and the new value of what differs, and
            the difference: of code the diff of its source.

        Raises
        ------
        CannotCapture
            A function as it now is cannot travel; nothing is changed.
        """
        report = self._api.reinitialize(self.id, dry_run=dry_run, accept=accept)
        print(report.sentence(), *report.notes, sep="\n")
        return _shown(report, limit, self._api.label_decoder(self.id)) if dry_run else None

    def rerun(
        self,
        status: str | Sequence[str] = "failed",
        jobs: Iterable[int] | None = None,
        *,
        where: Where | None = None,
        group: str | None = None,
        num_cpus: int | None = None,
        num_gpus: int | None = None,
        memory: str | int | None = None,
        runtime: str | float | timedelta | None = None,
        timeout: str | float | timedelta | None = None,
    ) -> int:
        """Make finished jobs ready again, and let all that follows from them wait; what else completed stays.

        They run the code as it now is: the notebook's variable that was mapped, or the module's file. Where neither is
        there, what was mapped last runs again, and that is said.

        Parameters
        ----------
        status : str or sequence of str, default "failed"
            Of which statuses.
        jobs : iterable of int, optional
            These jobs only, whatever their status.
        where : callable or mapping, optional
            Those only whose parameters fulfil it, as in ``where=lambda row: row["x"] > 3``, or have these values, as in
            ``where={"x": 3}``.
        group : str, optional
            Those only that failed as one group of ``failures()``, by the group's name.
        num_cpus, num_gpus, memory, runtime, timeout : optional
            What they are to ask for otherwise than their map says: ``memory="40g", runtime="2h"``. They keep to it
            until they are rerun without.

        Returns
        -------
        int
            How many jobs became ready.

        Raises
        ------
        InvalidRequest
            No such group, or a resource makes no sense.
        """
        resources = resources_of(num_cpus=num_cpus, num_gpus=num_gpus, memory=memory, runtime=runtime, timeout=timeout)
        chosen = sorted(FINISHED) if jobs is not None or group is not None else parsed(status) or []
        ids = jobs if where is None else sorted(self._where(where, None if jobs is None else set(jobs)))
        done = self._api.rerun(self.id, chosen, ids, group=group, resources=resources)
        print(ready_again(self.name, done))
        return done.ready

    def _where(self, where: Where, among: set[int] | None) -> Iterator[int]:
        """Give the jobs of maps whose parameters fulfil a condition."""
        for map_ in self._api.list_maps(self.id):
            yield from (id_ for id_ in self._api.jobs_where(map_.id, where) if among is None or id_ in among)

    def accept_results(self, jobs: Iterable[int] | None = None) -> int:
        """Let results of earlier code count as those of the code as it now is: all, or those of some jobs.

        ``m.results(provenance=True)`` keeps telling which version made them. Returns how many those are.
        """
        done = self._api.accept_results(self.id, jobs)
        print(f"{done.ready:,} result(s) of {self.name} count as those of the code as it is now", *done.notes, sep="\n")
        return done.ready

    def cancel(self, jobs: Iterable[int] | None = None) -> int:
        """Cancel jobs; all that have not finished, and the allocations, by default. Returns how many jobs."""
        n = self._api.cancel_workflow(self.id) if jobs is None else self._api.cancel_jobs(self.id, jobs)
        print(f"{n:,} job(s) of {self.name} canceled")
        return n

    def disable(self, jobs: Iterable[int]) -> int:
        """Set jobs aside, unless they run: they will not, and nothing waits for them. Returns how many.

        A postprocess that had the results of some runs again without them.
        """
        n = self._api.disable_jobs(self.id, jobs)
        print(f"{n:,} job(s) of {self.name} disabled; wf.rerun(jobs=…) takes them in again")
        return n


def ready_again(name: str, done: Rerun) -> str:
    """Say what a rerun did, and its notes, a line each."""
    waiting = f", {done.waits:,} {'waits' if done.waits == 1 else 'wait'} for them" if done.waits else ""
    return "\n".join([f"{done.ready:,} job(s) of {name} are ready again{waiting}", *done.notes])


def _shown(report: Report, limit: int | None, decode: Callable[[str], Any]) -> pd.DataFrame:
    from torc_nb import frames

    if limit is not None and report.affected > limit:
        print(f"the first {limit:,} of {report.affected:,} are shown; limit=None shows all")
    return frames.affected(islice(report.rows(), limit), decode)
