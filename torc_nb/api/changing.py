"""What is done to jobs after they were declared: run again, canceled, set aside, their results accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from torc_nb import changes
from torc_nb.api import inputs, pausing
from torc_nb.api.code_now import code_now
from torc_nb.api.inputs import Edit
from torc_nb.api.resources import changed
from torc_nb.changes import Current, Report
from torc_nb.models import CLAIMED, FINISHED, JobStatus
from torc_nb.store import (
    Database,
    acceptance,
    dependencies,
    failures,
    jobs,
    maps,
    params,
    requirements,
    resetting,
    workflows,
)


class Rerun(NamedTuple):
    """What ``rerun`` did: how many jobs became ready, how many wait for them, and what became of their code."""

    ready: int
    waits: int
    notes: tuple[str, ...]


class Foreseen(NamedTuple):
    """What changed parameters would do: what a reinitialize would then, and how many jobs just begin with them."""

    report: Report
    at_once: int


class Changing:
    """The changes of a workflow's jobs."""

    database: Database
    has_code: bool

    def reinitialize(self, workflow_id: int, *, dry_run: bool = False, accept: bool = False) -> Report:
        """Make the jobs ready again whose parameters or code changed, and let what follows from them wait.

        Parameters
        ----------
        dry_run : bool, default False
            Return what would be done, row by row, and write nothing.
        accept : bool, default False
            Let results by other code count as those of the code as it now is; see :meth:`accept_results`.

        Raises
        ------
        CannotCapture
            A function as it now is cannot travel; nothing is changed.
        """
        workflows.get(self.database, workflow_id)
        known = maps.listed(self.database, workflow_id)
        current, absent = self._code_now(workflow_id, known, "its code counts as unchanged")
        if dry_run:
            current = replace(current, is_compared=not accept)
            return changes.foreseen(self.database, workflow_id, current, absent)
        if accept:
            acceptance.accept(self.database, workflow_id, current.digests())
        return changes.reinitialized(self.database, workflow_id, current, absent)

    def foresee(self, workflow_id: int, function_id: int, edits: Iterable[Edit]) -> Foreseen:
        """Return what a reinitialize would do once jobs that call a function were given other parameters.

        Nothing is written.

        Raises
        ------
        CannotCapture
            A function as it now is cannot travel.
        CannotStore
            A parameter cannot be kept.
        """
        encode = inputs.Encoder(self.database, workflows.get(self.database, workflow_id), function_id, is_trial=True)
        found = [params.Change(edit.job_id, edit.rev, *encode(edit.job_id, edit.value)) for edit in edits]
        written = params.foreseen(self.database, workflow_id, sorted(found))
        supposed = {job_id: inputs.waits(one) for job_id, one in written.items()}
        known = maps.listed(self.database, workflow_id)
        current, absent = self._code_now(workflow_id, known, "its code counts as unchanged")
        report = changes.foreseen(self.database, workflow_id, current, absent, supposed)
        at_once = sum(one.status not in CLAIMED and one.status not in FINISHED for one in written.values())
        return Foreseen(report, at_once)

    def accept_results(self, workflow_id: int, job_ids: Iterable[int] | None = None) -> Rerun:
        """Let results of completed jobs count as those of the code as it now is: all, or those of these jobs.

        Which version made them stays to be seen. Returns, as ``ready``, how many those are.
        """
        self.database.check_writable()
        known = maps.listed(self.database, workflow_id)
        current, absent = self._code_now(workflow_id, known, "what was mapped last counts")
        n = acceptance.accept(self.database, workflow_id, current.digests(), job_ids)
        said = current.take_effect(self.database, workflow_id)
        return Rerun(n, 0, (*absent, *said))

    def rerun(
        self,
        workflow_id: int,
        statuses: Sequence[JobStatus],
        job_ids: Iterable[int] | None = None,
        *,
        start: bool = True,
        group: str | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Rerun:
        """Make finished jobs ready again, with the code as it now is in this process; what follows from them waits.

        Parameters
        ----------
        start : bool, default True
            Start the workflow, should it not be.
        group : str, optional
            Those only that failed as one group of ``failures``.
        resources : mapping, optional
            What they are to ask otherwise than their map: ``num_cpus, num_gpus, memory, runtime, timeout``.

        Raises
        ------
        NotFound
            No such group.
        InvalidRequest
            They cannot ask so.
        CannotCapture
            A function as it now is cannot travel; nothing runs again.
        """
        chosen = None if job_ids is None else sorted(set(job_ids))
        if group is not None:
            of_group = failures.jobs_of(self.database, workflow_id, group)
            chosen = of_group if chosen is None else sorted(set(of_group) & set(chosen))
        instead = None if not resources else partial(self._asking_otherwise, resources)
        affected = self._maps_with(workflow_id, statuses, chosen)
        otherwise = "the code that was mapped last runs again"
        current, absent = self._code_now(workflow_id, affected, otherwise)
        said = current.take_effect(self.database, workflow_id)
        done = resetting.rerun(self.database, workflow_id, statuses, chosen, instead)
        paused = pausing.begin(self.database, workflow_id) if done.ready and start else []
        return Rerun(done.ready, done.waits, (*absent, *said, *paused))

    def _code_now(self, workflow_id: int, known: Iterable[Any], otherwise: str) -> tuple[Current, tuple[str, ...]]:
        return code_now(self.database, workflow_id, known, otherwise, has_code=self.has_code)

    def _asking_otherwise(self, resources: Mapping[str, Any], requirement_id: int) -> int:
        """Return the id of a record that asks what another does but for some resources."""
        new = changed(requirements.get(self.database, requirement_id), {"name": "rerun", **resources})
        return requirements.keep(self.database, new.model_copy(update={"id": None}), of_jobs=True).id or 0

    def _maps_with(self, workflow_id: int, statuses: Sequence[JobStatus], job_ids: list[int] | None) -> list[Any]:
        """The maps that have jobs in these statuses, or any of these jobs, or whose postprocess is one."""
        known = maps.listed(self.database, workflow_id)
        if job_ids is not None:
            found = [jobs.get(self.database, job_id) for job_id in job_ids]
            ids = {job.map_id or job.collects for job in found}
        else:
            by_map = workflows.by_map(self.database, workflow_id)
            ids = {map_id for map_id, numbers in by_map.items() if any(numbers.get(status) for status in statuses)}
        return [map_ for map_ in known if map_.id in ids]

    def cancel_jobs(self, workflow_id: int, job_ids: Iterable[int]) -> int:
        """Cancel jobs; returns how many were not finished."""
        canceled = jobs.cancel(self.database, workflow_id, job_ids)
        dependencies.release_all(self.database, workflow_id)
        return canceled

    def disable_jobs(self, workflow_id: int, job_ids: Iterable[int]) -> int:
        """Set jobs aside, unless they run: they will not, and nothing waits for them. Returns how many.

        A postprocess that had the results of some runs again without them.
        """
        return jobs.disable(self.database, workflow_id, job_ids)
