"""What attempts ended with, on its way to the database."""

from __future__ import annotations

import time

from torc_nb.models import Claim, Completion, JobStatus
from torc_nb.worker.assignments import Assignments
from torc_nb.worker.attempt import Outcome
from torc_nb.worker.log import Log
from torc_nb.worker.packing import Packing

#: A failure is kept back for so many seconds: whoever stops a node ends the jobs' processes and the worker alike, and
#: what dies of that has not failed.
DOUBT = 0.25

#: The class of the error of those that had too little memory, however that showed.
OUT_OF_MEMORY = MemoryError.__name__

_COMPLETED = int(JobStatus.COMPLETED)


class Reports:
    """The ends of attempts that the ledger was not given yet."""

    def __init__(self, assignments: Assignments, packing: Packing, log: Log) -> None:
        self._assignments = assignments
        self._packing = packing
        self._log = log
        self._sure: list[Completion] = []
        self._doubtful: list[tuple[float, Completion]] = []
        self._marked: set[tuple[int, int]] = set()  # attempts that the database knows to be running

    def __len__(self) -> int:
        return len(self._sure) + len(self._doubtful)

    def mark(self, claim: Claim) -> bool:
        """Note that the database will know an attempt to be running; False where it does already."""
        attempt = (claim.job_id, claim.attempt)
        if attempt in self._marked:
            return False
        self._marked.add(attempt)
        return True

    def add(self, claim: Claim, outcome: Outcome, tree_peak: int = 0) -> None:
        """Report what an attempt ended with; ``tree_peak`` is the most memory seen of its process tree."""
        job_id, attempt, run_id, map_id, _, function_id, requirement_id, _, _, params_digest, _, _ = claim
        (
            _, _, status, return_code, started, seconds, cpu, peak, value, error_type, error, trace, out, err, files,
            place, classes,
        ) = outcome  # fmt: skip
        was_running = False
        if self._marked:
            was_running = (job_id, attempt) in self._marked
            self._marked.discard((job_id, attempt))
        offset = self._log.append(out, err) if out or err else 0
        if offset is None:
            offset, out, err = 0, b"", b""
        completion = Completion(
            job_id, attempt, run_id, map_id, requirement_id, function_id, status, return_code, started, seconds, cpu,
            max(peak, tree_peak), value,
            params_digest + self._assignments.known(claim).function.digest, error_type, error, trace,
            offset, len(out), len(err), was_running, files, place, classes,
        )  # fmt: skip
        if OUT_OF_MEMORY in (classes or (error_type,)):
            counted_with = self._packing.memory_of(self._assignments.known(claim).request)
            completion = completion._replace(outgrown=counted_with)
        if status == _COMPLETED:
            self._sure.append(completion)
        else:
            self._doubtful.append((time.monotonic() + DOUBT, completion))

    def take(self) -> list[Completion]:
        """Take what is to be recorded now."""
        now = time.monotonic()
        while self._doubtful and self._doubtful[0][0] <= now:
            self._sure.append(self._doubtful.pop(0)[1])
        sure, self._sure = self._sure, []
        return sure

    def doubtful(self) -> dict[int, float]:
        """The jobs that failed in the last moment, each with the seconds for which it ran."""
        return {completion.job_id: completion.seconds for _, completion in self._doubtful}

    def forget_doubtful(self) -> None:
        """Take back the failures of the last moment: the node is being stopped."""
        self._doubtful.clear()
