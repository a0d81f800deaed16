"""Commands: each through a shell, in a process group of its own, with all that it starts measured and ended with it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from torc_nb import values
from torc_nb.models import JobStatus
from torc_nb.worker import tree
from torc_nb.worker.attempt import ERROR_LIMIT, Outcome, shortened, taken
from torc_nb.worker.board import Board
from torc_nb.worker.current_job import Terms
from torc_nb.worker.file_states import states_of
from torc_nb.worker.folders import Folders
from torc_nb.worker.sandbox import Sandbox

_SHELL = "/bin/sh"
_COMPLETED, _FAILED = int(JobStatus.COMPLETED), int(JobStatus.FAILED)
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
#: What Python or this child ignores, and a program is to find as ever.
_USUAL_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM)
#: How long what was killed may take to be gone, in seconds: a process may be stuck in the kernel.
_LAST_WAIT = 5.0


class _Failed(Exception):
    """How a command failed."""

    def __init__(self, kind: str, message: str, return_code: int = 1) -> None:
        super().__init__(message)
        self.kind = kind
        self.return_code = return_code


class CommandAttempt:
    """Runs commands in this process's environment, one after the other."""

    def __init__(self, terms: Terms, sandbox: Sandbox, board: Board) -> None:
        self._terms = terms
        self._sandbox = sandbox
        self._board = board
        self._variables = {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()} | {
            b"TORC_WORKFLOW_ID": b"%d" % terms.workflow_id,
            b"TORC_NUM_CPUS": b"%d" % terms.num_cpus,
            b"TORC_MEMORY": b"%d" % terms.memory,
        }
        # A worker that stops asks the command to end, and we tell how it did.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tree.adopt_orphans()
        _keep_descriptors()

    def run(
        self,
        number: int,
        job_id: int,
        attempt: int,
        row: int,
        params: str,
        collects: bool,  # noqa: ARG002 - of functions only
        name: str | None,
    ) -> Outcome | int:
        """Run one command; returns its number where the worker took it back.

        What it leaves running in the background ends with it.
        """
        self._board.begin(number)
        os.getppid()  # a system call, as ``is_barred`` wants it
        if self._board.is_barred(number):
            return number
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        folders = self._terms.folders(job_id, attempt)
        value = kind = error = files = None
        status, return_code, self._peak = _COMPLETED, 0, 0
        started, clock = time.time(), time.perf_counter()
        try:
            task: Any = values.decode(params)
            if found := self._run(task, folders, name or str(row)):
                value = values.encode({"files": found}).text
                files = states_of(found, self._sandbox.cwd)
        except _Failed as failed:
            status, return_code, kind, error = _FAILED, failed.return_code, failed.kind, str(failed)
        except Exception as caught:
            status, return_code, kind, error = _FAILED, 1, type(caught).__name__, str(caught)
        if status == _FAILED:
            folders.give_up()
        seconds = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (after[0] - before[0]) + (after[1] - before[1])
        folders.clear()
        error = None if error is None else shortened(error, ERROR_LIMIT)
        return (
            job_id, attempt, status, return_code, started, seconds, cpu, self._peak, value, kind, error, None,
            taken(1), taken(2), files, None, None,
        )  # fmt: skip

    def _run(self, task: dict[str, Any], folders: Folders, name: str) -> dict[str, dict[str, float]]:
        """Run it between its files; returns how it left those that it produces."""
        self._sandbox.check()
        for path in task.get("needs", ()):
            if not Path(path).exists():
                raise _Failed("FileNotFoundError", f"it needs {path}, which is not there")
        code = self._execute(task["command"], self._environment(task["command"], folders, name))
        if code:
            raise _failure(code)
        found = {path: _state(path) for path in task.get("produces", ())}
        folders.publish()
        return found

    def _environment(self, command: str, folders: Folders, name: str) -> dict[bytes, bytes]:
        """What the command finds in its environment; the output folder, where it does not name it, is not made."""
        folders.make_scratch()
        if "TORC_OUTDIR" in command:
            folders.make_draft()
        return self._variables | {
            b"TORC_JOB_ID": b"%d" % folders.job_id,
            b"TORC_JOB_NAME": name.encode("utf-8", "replace"),
            b"TORC_ATTEMPT": b"%d" % folders.attempt,
            b"TORC_SCRATCH": os.fsencode(folders.scratch),
            b"TORC_OUTDIR": os.fsencode(folders.draft),
        }

    def _execute(self, command: str, environment: dict[bytes, bytes]) -> int:
        """Run it to its end and end what it leaves; returns its exit code, or the number of its signal below 0."""
        words = [b"sh", b"-c", command.encode()]
        pid = os.posix_spawn(_SHELL, words, environment, setpgroup=0, setsigdef=_USUAL_SIGNALS)
        self._board.run_group(pid)
        try:
            _reap_orphans_until(pid)
            _, wait_status, used = os.wait4(pid, 0)
            self._peak = used.ru_maxrss * _RSS_UNIT
            # What the command left in the background: orphans come to us, whatever session they are in.
            tree.end_descendants(_LAST_WAIT)
        finally:
            self._board.run_group(0)
        return os.waitstatus_to_exitcode(wait_status)


def _failure(code: int) -> _Failed:
    if code < 0:
        name = _signal_name(-code)
        hint = "; perhaps the node ran out of memory" if -code == signal.SIGKILL else ""
        return _Failed(name, f"it was killed by {name} ({signal.strsignal(-code)}){hint}", code)
    # So a shell tells of a program that it started.
    hint = f": {_signal_name(code - 128)} killed a program of it, or it says so" if 128 < code < 128 + 65 else ""
    hint = hint or {126: ": a program of it cannot be run", 127: ": a program of it is not there"}.get(code, "")
    return _Failed("ExitCode", f"exited with {code}{hint}", code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _state(path: str) -> dict[str, float]:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise _Failed("FileNotFoundError", f"it ended well, but {path} is not there: {error.strerror}") from error
    return {"mtime": found.st_mtime, "size": found.st_size}


def _reap_orphans_until(pid: int) -> None:
    """Wait for the end of a child; what is orphaned meanwhile is ours, and must not stay as zombies for as long."""
    while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)) is not None and ended.si_pid != pid:
        os.waitpid(ended.si_pid, 0)


def _keep_descriptors() -> None:
    """Let no command inherit what this process has open beside the standard streams."""
    for text in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):  # noqa: PTH208
        if int(text) > 2:
            try:
                os.set_inheritable(int(text), False)
            except OSError:  # that of the listing itself
                continue
