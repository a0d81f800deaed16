"""A running job's output as it comes, until the job ends."""

from __future__ import annotations

import codecs
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torc_nb.api import inspection
from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.store import Database, cancellations, results
from torc_nb.worker import live, log
from torc_nb.worker.attempt import OUTPUT_LIMIT

#: How often it is looked for more, and how often the worker is asked to show it where it does not, in seconds.
LOOK, ASK_AGAIN = 0.3, 10.0


def followed(database: Database, workflow: WorkflowModel, job_id: int) -> Iterator[str]:
    """Yield what a job prints as it comes, and its traceback where it fails, until it has ended; waits for its begin.

    Raises
    ------
    NotFound
        No such job in this workflow.
    """
    told = None
    attempt: _Attempt | None = None
    try:
        while True:
            job = inspection.job_of(database, workflow, job_id)
            status = JobStatus(job.status)
            if status.is_finished:
                yield from _rest(database, workflow, job, attempt)
                return
            if job.worker_id is None:
                if attempt is not None:
                    attempt.close()
                    attempt = None
                if (shown := inspection.shown_status(job).label) != told:
                    told = shown
                    yield f"(job {job_id} does not run yet: it is {shown})\n"
            elif attempt is None or attempt.number != job.attempt:
                attempt = _Attempt(Path(workflow.files), job)
            if attempt is not None:
                attempt.ask(database, workflow.id or 0, job)
                yield from attempt.more()
            time.sleep(LOOK)
    finally:
        if attempt is not None:
            attempt.close()


class _Attempt:
    """What a running attempt shows of itself: its output and its errors, as far as they were read."""

    def __init__(self, files: Path, job: Any) -> None:
        self.number: int = job.attempt
        self._streams = [_Stream(path) for path in live.places(files, job.id, job.attempt)]
        self._asked = 0.0

    def ask(self, database: Database, workflow_id: int, job: Any) -> None:
        """Ask the worker to show it, and again where it does not."""
        is_shown = all(stream.path.exists() for stream in self._streams)
        if not is_shown and time.monotonic() - self._asked > ASK_AGAIN:
            cancellations.ask_to_show(database, workflow_id, job)
            self._asked = time.monotonic()

    def more(self) -> Iterator[str]:
        """Yield what came since."""
        for stream in self._streams:
            if text := stream.more():
                yield text

    def rest(self, kept: tuple[bytes, bytes]) -> Iterator[str]:
        """Yield of what is kept of an attempt that has ended what was not read while it ran."""
        for stream, data in zip(self._streams, kept, strict=True):
            if stream.read > 0 and len(data) > OUTPUT_LIMIT:
                yield "\n… (its log has the rest)\n"
            elif text := stream.rest(data):
                yield text

    def close(self) -> None:
        """Tell the worker that nobody follows any more."""
        for stream in self._streams:
            with contextlib.suppress(OSError):
                stream.path.unlink(missing_ok=True)


class _Stream:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def more(self) -> str:
        try:
            with self.path.open("rb") as file:
                file.seek(self.read)
                data = file.read(live.PIECE)
        except OSError:  # it is not shown yet, or no more
            return ""
        self.read += len(data)
        return self._decoder.decode(data)

    def rest(self, data: bytes) -> str:
        return self._decoder.decode(data[self.read :], final=True)


def _rest(database: Database, workflow: WorkflowModel, job: Any, attempt: _Attempt | None) -> Iterator[str]:
    """Yield what was not read while the job ran: all, where nobody followed that attempt; and how it ended."""
    if job.result_attempt is None:
        yield f"(job {job.id} is {JobStatus(job.status).label}: {job.note or JobStatus(job.status).sentence})\n"
        return
    result = results.effective(database, job.id)
    kept = log.read_bytes(
        Path(workflow.files) / "logs", result.worker_id, result.log_offset, result.stdout_bytes, result.stderr_bytes
    )
    if attempt is None or attempt.number != result.attempt:
        attempt = _Attempt(Path(workflow.files), job)
    yield from attempt.rest(kept)
    if result.traceback:
        yield result.traceback
    elif result.error:
        yield f"{result.error_type}: {result.error}\n"
