"""How a child died, as the end of the job that it ran."""

from __future__ import annotations

import os
import signal
import time

from torc_nb.models import Claim, JobStatus
from torc_nb.worker.attempt import Outcome
from torc_nb.worker.child_process import ChildProcess
from torc_nb.worker.oom_killer import OomKiller

#: The kind of its error where a worker stopped a job, by the status that it ends with.
_STOPPED = {JobStatus.TERMINATED: "Terminated", JobStatus.FAILED: "MemoryError"}


def obituary(child: ChildProcess, claim: Claim, wait_status: int, oom_killer: OomKiller) -> Outcome:
    """The outcome of the job that ran when its process ended."""
    status, kind, reason, code = _cause(child, wait_status, oom_killer)
    out, err = child.printed()
    seconds = max(0.0, time.time() - child.began)
    return (
        claim.job_id, claim.attempt, int(status), code, child.began, seconds, 0.0, 0, None, kind, reason, None, out,
        err, None, None, None,
    )  # fmt: skip


def terminated(child: ChildProcess, outcome: Outcome) -> Outcome:
    """The outcome of a job that was asked to end, and ended in its own way: what it says of it does not count."""
    assert child.sentence is not None
    status, reason = child.sentence.status, child.sentence.reason
    job_id, attempt, _, _, started, seconds, cpu, peak, _, _, _, _, out, err, *_ = outcome
    return (
        job_id, attempt, int(status), -signal.SIGTERM, started, seconds, cpu, peak, None, _STOPPED[status], reason,
        None, out, err, None, None, None,
    )  # fmt: skip


def _cause(child: ChildProcess, wait_status: int, oom_killer: OomKiller) -> tuple[JobStatus, str, str, int]:
    """The job's status, the kind of its error, its message and its return code."""
    code = os.waitstatus_to_exitcode(wait_status)
    if child.sentence is not None:
        status, reason = child.sentence.status, child.sentence.reason
        return status, _STOPPED[status], reason, code
    if code >= 0:
        return JobStatus.FAILED, "ProcessExit", f"its process ended itself with exit code {code}", code
    name = _name(-code)
    killed = f"its process was killed by {name} ({signal.strsignal(-code)})"
    if -code == signal.SIGKILL and oom_killer.has_killed:
        return JobStatus.FAILED, "MemoryError", f"{killed}, probably by the kernel, which had no memory left", code
    hint = "; perhaps the node ran out of memory" if -code == signal.SIGKILL else ""
    return JobStatus.FAILED, name, f"{killed}{hint}", code


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
