"""The call of a job, made again in this process: the code, the parameters and the random numbers of its attempt."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from torc_nb.api import inspection
from torc_nb.errors import InvalidRequest
from torc_nb.functions import Borrowed
from torc_nb.functions.submitted import SUBMITTED, arguments_of
from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.store import Database, environments, functions, maps, requirements, results, trust
from torc_nb.values import decode
from torc_nb.worker.current_job import Terms, standing_in
from torc_nb.worker.seeds import Seeds

#: Parameters are shown up to this length.
_SHOWN = 200


class Reproduction:
    """One job's call as its newest attempt made it; calling it runs it in this process.

    Attributes
    ----------
    job_id : int
        Of which job.
    function : callable
        The code that the attempt ran.
    args : tuple
        What it was given by position.
    kwargs : dict
        What it was given by name.
    version : str
        The label of the code, as in ``"v2"``.
    error : str or None
        What the attempt failed with; None where it did not.
    """

    def __init__(
        self,
        job_id: int,
        borrowed: Borrowed,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        *,
        name: str,
        version: str,
        error: str | None,
        surroundings: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self.job_id = job_id
        self.function = borrowed.loaded.call
        self.args, self.kwargs = arguments
        self.version = version
        self.error = error
        self._name = name
        self._borrowed = borrowed
        self._surroundings = surroundings

    def __call__(self) -> Any:
        """Run it here: nothing of it is recorded, and the job stays as it is."""
        with self.in_place():
            return self.function(*self.args, **self.kwargs)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let this process be for a while as the attempt found its own.

        The snapshot of local modules, the working folder, the random streams, and ``current_job()``.
        """
        with self._borrowed.in_place(), self._surroundings():
            yield

    def __repr__(self) -> str:
        given = [*map(_shortened, self.args), *(f"{name}={_shortened(value)}" for name, value in self.kwargs.items())]
        came = f"failed with {_shortened(self.error, str)}" if self.error else "did not fail"
        call = f"{self._name}({', '.join(given)})"
        made = f"Reproduction of job {self.job_id}: {call} by code {self.version}"
        return f"{made}; its attempt {came}. Call it to run it here."


def reproduced(database: Database, workflow: WorkflowModel, job_id: int) -> Reproduction:
    """Load the code and the parameters of a job's newest attempt.

    Raises
    ------
    NotFound
        No such job in this workflow.
    NotTrusted
        Another user may have written it.
    InvalidRequest
        It is a command, or waits for what it is to be given.
    CannotLoad
        The code, or a value, cannot be loaded in this process.
    """
    job = inspection.job_of(database, workflow, job_id)
    if job.command is not None:
        raise InvalidRequest(f"Job {job_id} runs a command, no function; try it in a terminal: {job.command}")
    if job.source_id is not None and job.status == JobStatus.BLOCKED:
        raise InvalidRequest(f"Job {job_id} waits for the result of job {job.source_id}, which it is to be given.")
    trust.check(database, workflow, f"To reproduce job {job_id}, its code would run in this process")
    result = None if job.result_attempt is None else results.effective(database, job_id)
    map_ = maps.get(database, job.map_id or job.collects)
    function_id = result.function_id if result is not None else job.function_id or map_.function_id
    function = functions.get(database, function_id)
    borrowed = Borrowed(function)
    row = _given(database, workflow, job, borrowed)
    return Reproduction(
        job_id,
        borrowed,
        _arguments(row, map_.call if job.map_id else "argument"),
        name=function.name,
        version=functions.labels(database, workflow.id or 0)[function_id],
        error=None if result is None or result.error_type is None else f"{result.error_type}: {result.error}",
        surroundings=lambda: _surroundings(database, workflow, job, map_),
    )


def _given(database: Database, workflow: WorkflowModel, job: Any, borrowed: Borrowed) -> Any:
    """Read what the attempt was given; for a job that collects results, those that are there."""

    def read(text: str | None) -> Any:
        if text is None:
            return None
        return decode(text, spill_folder=Path(workflow.files) / "values", classes=borrowed.loaded.classes)

    with borrowed.in_place():
        if job.collects is None:
            return read(job.params if job.replaced is None else job.replaced)
        by_job = dict(results.values_of_map(database, job.workflow_id, job.collects))
        order: Sequence[int] | None = maps.order_of(maps.get(database, job.collects))
        return [read(by_job[job_id]) for job_id in (by_job if order is None else order) if job_id in by_job]


def _arguments(row: Any, call: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Spread a row as the worker does."""
    if call == SUBMITTED:
        return arguments_of(row)
    if call == "keywords" or (call == "unpacked" and isinstance(row, Mapping)):
        return (), dict(row)
    return (tuple(row), {}) if call in ("positional", "unpacked") else ((row,), {})


@contextmanager
def _surroundings(database: Database, workflow: WorkflowModel, job: Any, map_: Any) -> Iterator[None]:
    """Be where the job was: its folder, its random streams, and what it may ask of itself."""
    request = requirements.request(database, job.requirement_id)
    folder = environments.get(database, map_.environment_id).cwd
    assert workflow.id is not None
    with ExitStack() as stack:
        aside = stack.enter_context(tempfile.TemporaryDirectory(prefix="torc-nb-job-"))
        terms = Terms(workflow.id, request.num_cpus, request.memory or 0, request.timeout, None, aside, aside)
        stack.enter_context(standing_in(terms, (job.id, job.attempt, inspection.job_name(job))))
        stack.enter_context(Seeds(workflow.id).sown(job.row))
        if Path(folder).is_dir():
            stack.enter_context(contextlib.chdir(folder))
        yield


def _shortened(value: Any, words: Callable[[Any], str] = repr) -> str:
    try:
        text = words(value)
    except Exception as error:  # a class of the user's may say what it likes, or nothing
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
