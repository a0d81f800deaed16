"""Calls submitted one by one: captured, stored, awaited, withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torc_nb.api import origins, outcomes, surroundings
from torc_nb.errors import JobFailed, RemoteTraceback, TorcError
from torc_nb.functions.submitted import row_of
from torc_nb.models import JobStatus, ResourceRequirementsModel, WorkflowModel
from torc_nb.store import Database, environments, functions, jobs, requirements, submissions, workflows
from torc_nb.store.submissions import Call
from torc_nb.store.watch import Watch
from torc_nb.values import Spill, encode

__all__ = ["Call", "Callee", "Ended", "Submitting"]

#: What precedes a function's name in that of the map of its submitted calls.
PREFIX = "executor:"

_WITHDRAWN = (JobStatus.CANCELED, JobStatus.TERMINATED, JobStatus.DISABLED)


@dataclass(frozen=True)
class Callee:
    """A function whose calls are rows of a map.

    Attributes
    ----------
    classes
        The notebook's classes that travelled with it.
    decode
        Gives back what its calls returned.
    """

    function: Callable[..., Any]
    map_id: int
    function_id: int
    requirement_id: int
    classes: frozenset[type]
    spill: Spill
    decode: outcomes.Decoder

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Call, set[type]]:
        """Return a call as it is stored, and the notebook's classes that its arguments are of.

        Raises
        ------
        CannotStore
            An argument cannot be kept.
        """
        classes: set[type] = set()
        row = row_of(self.function, args, kwargs)
        text, digest, _ = encode(row, spill=self.spill, classes=classes, name="the call's arguments")
        return Call(self.map_id, self.requirement_id, self.function_id, text, digest), classes


@dataclass(frozen=True)
class Ended:
    """How a submitted call ended: it returned a ``value``, raised an ``error``, or ``is_withdrawn``."""

    job_id: int
    value: Any = None
    error: BaseException | None = None
    is_withdrawn: bool = False


class Submitting:
    """The calls that are submitted to workflows one by one."""

    database: Database

    def callee(
        self,
        workflow: WorkflowModel,
        function: Callable[..., Any],
        classes: Iterable[type],
        requirement: ResourceRequirementsModel,
    ) -> Callee:
        """Capture a function as it is now, so that calls of it can be submitted.

        Raises
        ------
        CannotCapture
            It, or something that it uses, cannot travel.
        """
        assert workflow.id is not None
        known = frozenset(classes)
        captured, _ = origins.captured(function, None, set(known))
        function_id = functions.keep(self.database, workflow.id, captured)
        environment_id = environments.keep(self.database, workflow.id, surroundings.current())
        requirement_id = requirements.keep(self.database, requirement).id or 0
        name = f"{PREFIX}{captured.name}"
        return Callee(
            function,
            submissions.open_map(self.database, workflow.id, name, function_id, environment_id, requirement_id),
            function_id,
            requirement_id,
            known,
            Spill(Path(workflow.files) / "values"),
            outcomes.Decoder(self.database, workflow, lambda: function_id),
        )

    def submit_calls(self, workflow_id: int, calls: Sequence[Call], attempts: list[int] | None = None) -> int:
        """Make calls jobs; returns the first of their consecutive ids.

        ``attempts``: give the same list to each attempt at the same calls, and none is stored twice where the database
        fell silent while it stored them.
        """
        return submissions.append(self.database, workflow_id, calls, attempts)

    def ended_calls(self, decoders: Mapping[int, outcomes.Decoder]) -> Iterator[Ended]:
        """Yield how those of these jobs ended that have, given what decodes the values of each."""
        for row in submissions.ended(self.database, list(decoders)):
            yield _ended(row, decoders[row.id])

    def lost_calls(self, job_ids: Sequence[int]) -> Iterator[Ended]:
        """Yield those of these jobs that were deleted."""
        for job_id in submissions.gone(self.database, job_ids):
            yield Ended(job_id, error=JobFailed(f"Job {job_id} was deleted before it had finished."))

    def withdraw_calls(self, workflow_id: int, job_ids: Iterable[int]) -> list[int]:
        """Cancel those of these jobs that no worker has; returns their ids."""
        return jobs.withdraw(self.database, workflow_id, job_ids)

    def is_running(self, job_id: int) -> bool:
        """Whether a worker has the job."""
        return submissions.running(self.database, job_id)

    def watch_calls(self, workflow_id: int) -> Watch:
        """Return what tells that submitted calls may have ended."""
        return Watch(self.database, workflows.get(self.database, workflow_id).id or 0, ends=True)


def _ended(row: Any, decode: outcomes.Decoder) -> Ended:
    status = JobStatus(row.status)
    if status in _WITHDRAWN:
        return Ended(row.id, is_withdrawn=True)
    try:
        value = None if row.value is None else decode(row.value)
    except TorcError as unreadable:
        if status is JobStatus.COMPLETED:
            return Ended(row.id, error=unreadable)
        value = None
    if status is JobStatus.COMPLETED:
        return Ended(row.id, value)
    return Ended(row.id, error=_as_raised(row, value))


def _as_raised(row: Any, raised: Any) -> BaseException:
    """The exception that the call raised; one that says so where there is none, or this process cannot have it."""
    if isinstance(raised, BaseException):
        raised.__cause__ = RemoteTraceback(row.traceback) if row.traceback else None
        return raised
    reason = row.note if row.error_type is None else f"{row.error_type}: {row.error}"
    error = JobFailed(f"Job {row.id} failed: {reason}")
    error.__cause__ = RemoteTraceback(row.traceback) if row.traceback else None
    return error
