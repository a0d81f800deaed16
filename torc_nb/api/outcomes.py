"""What came of a map's jobs: values as the objects that they were, and failures as exceptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from torc_nb.api import inspection
from torc_nb.errors import CannotLoad, JobFailed, NotFound
from torc_nb.functions import classes_of
from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.store import Database, functions, maps, results, trust
from torc_nb.values import bare, decode


class Decoder:
    """Gives values back as objects; classes that this process does not define are those that travelled.

    Of another user's work, unless that is trusted, only what takes no unpickling; the rest raises NotTrusted. Of a copy
    that is there to be looked at, nothing is unpickled and no class is looked for: see `torc_nb.values.bare`.

    Parameters
    ----------
    function_id : callable
        Finds the function with which the classes travelled; called only where one is missing here.
    """

    def __init__(self, database: Database, workflow: WorkflowModel, function_id: Callable[[], int]) -> None:
        self._database = database
        self._folder = Path(workflow.files) / "values"
        self._distrust = trust.doubt(database, workflow)
        self._function_id = function_id

    def __call__(self, text: str) -> Any:
        """Decode one stored text."""
        if self._database.is_copy:
            return bare(text, spill_folder=self._folder)
        try:
            return decode(text, spill_folder=self._folder, distrust=self._distrust)
        except CannotLoad:
            if self._distrust:  # the classes that travelled are pickled
                raise
            return decode(text, spill_folder=self._folder, classes=self._travelled)

    @cached_property
    def _travelled(self) -> dict[str, type]:
        return classes_of(functions.get(self._database, self._function_id()))


def decoder_of_map(database: Database, workflow: WorkflowModel, map_id: int) -> Decoder:
    """Return what decodes the parameters and results of a map."""
    return Decoder(database, workflow, lambda: int(maps.get(database, map_id).function_id))


def decoder_of_labels(database: Database, workflow: WorkflowModel) -> Callable[[str], Any]:
    """Return what gives the labels of rows back."""
    return bare if database.is_copy else partial(decode, distrust=trust.doubt(database, workflow))


def values(database: Database, job_ids: Sequence[int], decoder: Decoder) -> dict[int, Any]:
    """Return what those of these jobs returned that have completed."""
    found = results.values_of_jobs(database, job_ids)
    return {job_id: None if text is None else decoder(text) for job_id, text in found.items()}


def value(database: Database, workflow: WorkflowModel, job_id: int) -> Any:
    """Return what a job returned.

    Raises
    ------
    JobFailed
        It failed or will not run; with the traceback, or the reason.
    NotFound
        It has not completed yet.
    """
    job = inspection.job_of(database, workflow, job_id)
    status = JobStatus(job.status)
    if status is JobStatus.COMPLETED:
        result = results.effective(database, job_id)
        decoder = Decoder(database, workflow, lambda: int(result.function_id))
        return None if result.value is None else decoder(result.value)
    name = _described(job)
    if not status.is_finished:
        raise NotFound(f"{name} has no result yet: it is {status.label}.")
    if job.result_attempt is None:
        raise JobFailed(f"{name} is {status.label}: {job.note or status.sentence}")
    result = results.effective(database, job_id)
    trace = f"\n\n{result.traceback}" if result.traceback else ""
    raise JobFailed(f"{name} {status.label}: {result.error_type}: {result.error}{trace}")


def _described(job: Any) -> str:
    return f"Job {job.id} ({job.name})" if job.name else f"Job {job.id} (row {job.row} of {job.map_name})"
