"""One attempt of one job: called, measured, its output and its end caught."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torc_nb import values
from torc_nb.functions import Loaded
from torc_nb.functions.places import is_cell, is_users_own
from torc_nb.functions.submitted import SUBMITTED, arguments_of
from torc_nb.models import FileState, JobStatus
from torc_nb.models.retries import class_name
from torc_nb.worker.board import Board
from torc_nb.worker.collection import pieces
from torc_nb.worker.current_job import Presence
from torc_nb.worker.file_states import states_of
from torc_nb.worker.sandbox import Sandbox
from torc_nb.worker.seeds import Seeds

#: How much of each output stream is kept, in bytes: the first and the last half of it.
OUTPUT_LIMIT = 1 << 20
#: How much of an error's message and of its traceback is kept, in characters.
ERROR_LIMIT = 2_000
TRACEBACK_LIMIT = 65_536
PLACE_LIMIT = 300

_COMPLETED, _FAILED = int(JobStatus.COMPLETED), int(JobStatus.FAILED)
_PACKAGE = f"{Path(__file__).resolve().parent.parent}{os.sep}"
_c_library = ctypes.PyDLL(None)

#: job id, attempt, status, return code, started, seconds, cpu seconds, peak memory, value, error type, error,
#: traceback, stdout, stderr, files, where in the user's own code, the classes of the error
Outcome = tuple[
    int, int, int, int, float, float, float, int, str | None, str | None, str | None, str | None, bytes, bytes,
    list[FileState] | None, str | None, list[str] | None,
]  # fmt: skip


class Attempt:
    """Runs the jobs of one role in this process."""

    def __init__(
        self,
        loaded: Loaded,
        call: str,
        workflow: int,
        sandbox: Sandbox,
        spill: values.Spill,
        board: Board,
        presence: Presence,
    ) -> None:
        self._call = _caller(loaded.call, call)
        self._collect = loaded.call
        self._keeps_exceptions = call == SUBMITTED  # a future raises what the call raised
        self._classes = loaded.classes
        self._seeds = Seeds(workflow)
        self._sandbox = sandbox
        self._spill = spill
        self._board = board
        self._presence = presence
        self._pid = os.getpid()
        # Writing "5" there resets the peak of memory that getrusage reports: the peak becomes the attempt's own.
        self._clear_peak = _open_or_none("/proc/self/clear_refs")

    def run(
        self, number: int, job_id: int, attempt: int, row: int, params: str, collects: bool, name: str | None
    ) -> Outcome | int:
        """Run one job; returns its number where the worker took it back.

        ``number`` counts the child's jobs; ``collects`` says that ``params`` is the path of a collection's file.
        """
        value = error_type = error = trace = files = place = None
        status, return_code = _COMPLETED, 0
        paths: list[str] = []
        classes: list[str] | None = None
        self._board.begin(number)
        if self._clear_peak is not None:
            os.write(self._clear_peak, b"5")
        if self._board.is_barred(number):
            return number
        self._seeds.sow(row)
        before = resource.getrusage(resource.RUSAGE_SELF)
        helpers_before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.time()
        clock = time.perf_counter()
        presence = self._presence
        presence.job, presence.began = (job_id, attempt, name or str(row)), started
        try:
            self._sandbox.check()
            if collects:
                result = self._collect(self._collected(params))
            else:
                result = self._call(values.decode(params, spill_folder=self._spill.folder, classes=self._classes))
            if result is not None:
                value = values.encode(result, spill=self._spill, paths=paths).text
            if presence.folders is not None:
                presence.succeed()
        except BaseException as caught:
            status, return_code = _FAILED, _return_code(caught)
            value = self._kept(caught)
            paths = []
            error_type, error, trace, place = _described(caught)
            classes = [class_name(kind) for kind in type(caught).__mro__ if issubclass(kind, BaseException)]
            presence.fail()
        if os.getpid() != self._pid:
            os._exit(0)  # a copy of this process that the job forked and forgot: it answers for nothing
        seconds = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_SELF)
        helpers = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (after[0] - before[0]) + (after[1] - before[1])
        cpu += (helpers[0] - helpers_before[0]) + (helpers[1] - helpers_before[1])
        presence.job = None
        if presence.folders is not None:
            paths = presence.folders.lasting(paths) if paths else paths
            presence.leave()
        self._sandbox.restore()
        if paths:
            files = states_of(paths, self._sandbox.cwd)
        stdout, stderr = self._output()
        return (
            job_id, attempt, status, return_code, started, seconds, cpu, after[2] * _RSS_UNIT, value, error_type,
            error, trace, stdout, stderr, files, place, classes,
        )  # fmt: skip

    def _collected(self, path: str) -> list[Any]:
        found: list[Any] = []
        for lines in pieces(path):
            found += values.decode_many(lines, spill_folder=self._spill.folder, classes=self._classes)
        return found

    def _kept(self, error: BaseException) -> str | None:
        """The exception itself, where somebody may raise it again and it can be stored."""
        if not self._keeps_exceptions or not isinstance(error, Exception):
            return None
        try:
            return values.encode(error, spill=self._spill).text
        except Exception:  # its text and its traceback are kept all the same
            return None

    def _output(self) -> tuple[bytes, bytes]:
        """What the job printed, C code and programs that it started included; the files are emptied for the next."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:  # the disk is full
            pass
        _c_library.fflush(None)
        return taken(1), taken(2)


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def _caller(function: Callable[..., Any], call: str) -> Callable[[Any], Any]:
    if call == "keywords":
        return lambda row: function(**row)
    if call == "positional":
        return lambda row: function(*row)
    if call == "unpacked":
        return lambda row: function(**row) if isinstance(row, Mapping) else function(*row)
    if call == SUBMITTED:

        def as_submitted(row: Any) -> Any:
            args, kwargs = arguments_of(row)
            return function(*args, **kwargs)

        return as_submitted
    return function


def _open_or_none(path: str) -> int | None:
    try:
        return os.open(path, os.O_WRONLY)
    except OSError:
        return None


def _return_code(error: BaseException) -> int:
    """1 for an exception; what it asked for where the job called ``sys.exit``, as a process would return it."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return int(error.code) & 0xFF or 1
    return 1


def _described(error: BaseException) -> tuple[str, str, str, str | None]:
    """The type, the message, the traceback without our own frames, and the innermost place in the user's own code."""
    kind = type(error)
    name = class_name(kind)
    try:
        message = str(error)
    except BaseException as second:
        message = f"<its message cannot be shown: {type(second).__name__}>"
    place = None
    try:
        summary = traceback.TracebackException.from_exception(error)
        _leave_out_our_frames(summary)
        text = "".join(summary.format())
        place = _innermost(summary.stack)
    except BaseException:
        text = f"{name}: {message}\n"
    return name, shortened(message, ERROR_LIMIT), shortened(text, TRACEBACK_LIMIT), place


def _innermost(stack: traceback.StackSummary) -> str | None:
    """The last line that the user wrote, in words that are the same in every kernel and for every parameter."""
    frame = next((one for one in reversed(stack) if is_users_own(one.filename)), None)
    if frame is None:
        return None
    file = "" if is_cell(frame.filename) else f"{Path(frame.filename).name}, "
    return shortened(f"{file}{frame.name}, line {frame.lineno}: {frame.line or ''}".rstrip(": "), PLACE_LIMIT)


def _leave_out_our_frames(summary: traceback.TracebackException) -> None:
    """Leave the jobs' own lines, in the exceptions that led to this one too."""
    parts: list[traceback.TracebackException | None] = [summary]
    while parts:
        part = parts.pop()
        if part is not None:
            own = [frame for frame in part.stack if not frame.filename.startswith(_PACKAGE)]
            part.stack = traceback.StackSummary.from_list(own)
            parts += [part.__cause__, part.__context__, *(part.exceptions or ())]


def shortened(text: str, limit: int) -> str:
    """Return a text as a database takes it; of a long one its beginning and end."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n… {len(text) - limit:,} characters left out …\n{text[-limit // 2 :]}"


def taken(descriptor: int) -> bytes:
    """The bytes that were written to an output file since it was last emptied: all, or its head and tail."""
    try:
        size = os.lseek(descriptor, 0, os.SEEK_CUR)
        if not size:
            return b""
        data = head_and_tail(descriptor)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:  # the disk is full, or gone
        return b""
    return data


def head_and_tail(descriptor: int) -> bytes:
    """What a file holds; of a large one the first and the last part."""
    size = os.fstat(descriptor).st_size
    if size <= OUTPUT_LIMIT:
        return os.pread(descriptor, size, 0)
    half = OUTPUT_LIMIT // 2
    left_out = f"\n… {size - 2 * half:,} bytes left out …\n".encode()
    return os.pread(descriptor, half, 0) + left_out + os.pread(descriptor, half, size - half)
