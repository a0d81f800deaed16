"""``Map``: one declared mapping, and everything that came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torc_nb import functions, values
from torc_nb.api import Api, Status
from torc_nb.errors import CannotLoad, JobFailed, NotFound
from torc_nb.models import JobStatus
from torc_nb.store import functions as stored_functions
from torc_nb.store import jobs as stored_jobs
from torc_nb.store import maps as stored_maps
from torc_nb.store import results as stored_results
from torc_nb.workflow import waiting

if TYPE_CHECKING:
    import pandas as pd


class Map:
    """One declared mapping of a workflow.

    All its state is in the database: in a new kernel, ``wf["run"]`` gives the same. Iterating it waits and gives the
    results in order, as ``Executor.map`` does.
    """

    def __init__(self, api: Api, workflow_id: int, map_id: int, name: str) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self.id = map_id
        self.name = name

    def __repr__(self) -> str:
        return f"Map({self.name!r}: {_in_words(self._numbers(self._api.progress(self._workflow_id)))})"

    def __len__(self) -> int:
        order = stored_maps.order_of(self._record)
        return sum(self._own(self._api.progress(self._workflow_id)).values()) if order is None else len(order)

    def __iter__(self) -> Iterator[Any]:
        """Give each result in order as soon as it is there; raise JobFailed at the first job that failed."""
        for job_id in self._job_ids():
            yield self._wait_for(job_id)

    def params(self) -> pd.DataFrame:
        """Return the parameters as a DataFrame, with the index that they were given with."""
        from torc_nb import frames

        return frames.params(self._rows(), self._record.shape, self._order(), self._decode)

    def results(self, *, provenance: bool = False) -> pd.DataFrame:
        """Return parameters and results side by side; usable while jobs run.

        Parameters
        ----------
        provenance : bool, default False
            Adds columns ``job.*``: status, run id, attempt, code version, host, seconds, CPU seconds, peak memory in
            bytes, error.

        Returns
        -------
        DataFrame
            One row a parameter set in the order of the last call of ``map``, with its index. Results are
            ``result.x`` for a dict, ``result`` for anything else, missing where a job has not completed.
        """
        from torc_nb import frames

        versions = stored_functions.labels(self._api.database, self._workflow_id) if provenance else None
        return frames.results(
            self._rows(provenance=provenance),
            self._record.shape,
            self._order(),
            self._decode,
            provenance=provenance,
            versions=versions,
        )

    def jobs(self, status: str | Sequence[str] | None = None, limit: int | None = None) -> pd.DataFrame:
        """Return the jobs as a DataFrame, those of some statuses only, if asked."""
        from torc_nb import frames
        from torc_nb.api import inspection

        rows = self._api.list_jobs(self._workflow_id, map_id=self.id, statuses=parsed(status), limit=limit)
        return frames.jobs(rows, inspection.job_name, inspection.shown_status)

    def failures(self) -> pd.DataFrame:
        """Return the failed jobs grouped by exception: how many, and one as an example."""
        from torc_nb import frames

        return frames.failures(self._api.failures(self._workflow_id, self.id))

    def value(self, job: int) -> Any:
        """Return what a job returned, as the object that it was.

        Raises
        ------
        JobFailed
            It failed; with the traceback.
        NotFound
            It has not completed.
        """
        return self._value_of(stored_jobs.get(self._api.database, job))

    def postprocess_result(self) -> Any:
        """Return what postprocess returned.

        Raises
        ------
        NotFound
            The map has none, or it has not completed; the message says why.
        JobFailed
            It failed.
        """
        job_id = self._record.postprocess_id
        if job_id is None:
            raise NotFound(f"Map {self.name} has no postprocess: give map(…, postprocess=function).")
        return self.value(job_id)

    def wait(self, timeout: float | None = None, *, progress: bool = True) -> bool:
        """Wait until all its jobs, postprocess included, have finished; nothing depends on waiting.

        Returns
        -------
        bool
            False where ``timeout`` seconds passed before.
        """
        return waiting.wait(
            self._api, self._workflow_id, self._numbers, timeout=timeout, progress=progress, title=self.name
        )

    @property
    def _record(self) -> Any:
        return stored_maps.get(self._api.database, self.id)

    def _order(self) -> Sequence[int] | None:
        return stored_maps.order_of(self._record)

    def _rows(self, *, provenance: bool = False) -> Iterator[Sequence[Any]]:
        return stored_results.of_map(self._api.database, self._workflow_id, self.id, provenance=provenance)

    def _job_ids(self) -> Sequence[int]:
        order = self._order()
        return order if order is not None else [row[0] for row in self._rows()]

    def _own(self, status: Status) -> dict[JobStatus, int]:
        return next((one.statuses for one in status.maps if one.map_id == self.id), {})

    def _numbers(self, status: Status) -> dict[JobStatus, int]:
        """The map's own jobs, and its postprocess job."""
        numbers = dict(self._own(status))
        job_id = self._record.postprocess_id
        if job_id is not None:
            from torc_nb.api import inspection

            shown = inspection.shown_status(stored_jobs.get(self._api.database, job_id))
            numbers[shown] = numbers.get(shown, 0) + 1
        return numbers

    def _wait_for(self, job_id: int) -> Any:
        pause = waiting.SHORTEST
        while True:
            job = stored_jobs.get(self._api.database, job_id)
            if JobStatus(job.status).is_finished:
                return self._value_of(job)
            time.sleep(pause)
            pause = min(waiting.LONGEST, pause * 1.3)

    def _value_of(self, job: Any) -> Any:
        status = JobStatus(job.status)
        if status is JobStatus.COMPLETED:
            text = stored_results.effective(self._api.database, job.id).value
            return None if text is None else self._decode(text)
        name = f"Job {job.id} ({job.name or f'row {job.row} of {self.name}'})"
        if status in (JobStatus.FAILED, JobStatus.TERMINATED) and job.result_attempt is not None:
            result = stored_results.effective(self._api.database, job.id)
            trace = f"\n\n{result.traceback}" if result.traceback else ""
            raise JobFailed(f"{name} {status.label}: {result.error_type}: {result.error}{trace}")
        if status.is_finished:
            raise JobFailed(f"{name} {status.label}: {job.note or status.sentence}")
        raise NotFound(f"{name} has no result yet: it is {status.label}.")

    def _decode(self, text: str) -> Any:
        """Decode a value; classes that this kernel does not define are those that travelled with the function."""
        folder = Path(self._api.get_workflow(self._workflow_id).files) / "values"
        try:
            return values.decode(text, spill_folder=folder)
        except CannotLoad:
            function = stored_functions.get(self._api.database, self._record.function_id)
            return values.decode(text, spill_folder=folder, classes=functions.load(function).classes)


def parsed(status: str | Sequence[str] | None) -> list[JobStatus] | None:
    """Read one status, several or none."""
    if status is None:
        return None
    return [JobStatus.parse(one) for one in ([status] if isinstance(status, str) else status)]


def _in_words(numbers: dict[JobStatus, int]) -> str:
    return ", ".join(f"{n:,} {status.label}" for status, n in sorted(numbers.items())) or "no jobs"
