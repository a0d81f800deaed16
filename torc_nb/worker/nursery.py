"""Where children come from: a single-threaded process without database connections that forks on request.

The root nursery is forked first of all from the worker and stays pristine. Branches of it import what the jobs import,
under the thread limits of the jobs that they will bear; children are forked from branches, so that a child is warm
within milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from torc_nb.worker.tree import adopt_orphans, end_descendants, kill_descendants

_MESSAGE = 1 << 16
_PR_SET_PDEATHSIG = 1
#: How long what was killed may take to be gone, in seconds.
_LAST_WAIT = 2.0

#: What limits the threads of the usual numerical libraries.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)


class Nursery:
    """The worker's end of a nursery."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._exits: list[tuple[int, int]] = []
        self._is_ready = False
        self.is_gone = False

    @property
    def is_ready(self) -> bool:
        """Whether it has imported what it was to import, so that bearing a child takes no time."""
        if not self._is_ready:
            self._receive_all()
        return self._is_ready

    @classmethod
    def start(cls) -> Nursery:
        """Fork the root nursery from this process, which must have one thread only."""
        ours, theirs = _socket_pair()
        if os.fork() == 0:
            ours.close()
            _live(theirs, {}, [])
        theirs.close()
        return cls(ours)

    def branch(self, variables: Mapping[str, str], imports: Sequence[str]) -> Nursery:
        """Fork a nursery off this one that sets variables and imports modules before it bears children."""
        ours, theirs = _socket_pair()
        self._ask({"branch": {"variables": dict(variables), "imports": list(imports)}}, [theirs.fileno()])
        theirs.close()
        return Nursery(ours)

    def bear(self, tasks: int, results: int, stdout: int, stderr: int, board: int) -> int:
        """Fork a child that reads, writes and prints into these descriptors; returns its pid (0: none)."""
        return int(self._ask({"bear": True}, [tasks, results, stdout, stderr, board]).get("pid", 0))

    def exits(self) -> list[tuple[int, int]]:
        """Return (pid, wait status) of the children that ended since last asked."""
        self._receive_all()
        ended, self._exits = self._exits, []
        return ended

    def has_ended(self) -> bool:
        """Look whether it is gone."""
        self._receive_all()
        return self.is_gone

    def fileno(self) -> int:
        """The descriptor that becomes readable when a child ends."""
        return self._control.fileno()

    def close(self) -> None:
        """End the nursery and all its children."""
        self.is_gone = True
        self._control.close()

    def _ask(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError:
            self.is_gone = True
        while not self.is_gone:
            answer = self._receive()
            if answer is not None and "pid" in answer:
                return answer
        return {}

    def _receive_all(self) -> None:
        while not self.is_gone and select.select([self._control], [], [], 0)[0]:
            self._receive()

    def _receive(self) -> dict[str, Any] | None:
        try:
            data = self._control.recv(_MESSAGE)
        except OSError:
            data = b""
        if not data:
            self.is_gone = True
            return None
        message: dict[str, Any] = json.loads(data)
        if "exit" in message:
            pid, status = message["exit"]
            self._exits.append((pid, status))
        self._is_ready |= "ready" in message
        return message


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _live(control: socket.socket, variables: Mapping[str, str], imports: Sequence[str]) -> None:
    """Be a nursery until the worker closes its end, or its death does; never returns."""
    status = 1
    try:
        # The stop button and the terminal speak to the worker, which then decides about its children.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        adopt_orphans()
        os.environ.update(variables)
        for name in imports:
            # What cannot be imported here fails in the job that needs it, with its own traceback.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        gc.freeze()  # what is imported is shared with the children, and not copied by looking for garbage in it
        control.send(json.dumps({"ready": True}).encode())
        _serve(control)
        status = 0
    finally:
        os._exit(status)


def _serve(control: socket.socket) -> None:
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    while True:
        readable, _, _ = select.select([control.fileno(), wake_read], [], [])
        if wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
            _report_exits(control, children)
        if control.fileno() in readable:
            data, descriptors, _, _ = socket.recv_fds(control, _MESSAGE, 8)
            if not data:
                for pid in children:
                    kill_descendants(pid)
                    _kill_group(pid)
                end_descendants(_LAST_WAIT)  # daemons too, which became ours when their parents ended
                return
            _answer(control, json.loads(data), descriptors, children, (wake_read, wake_write))


def _report_exits(control: socket.socket, children: set[int]) -> None:
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        # What its jobs left running ends with it. While it is not reaped its number cannot be another's.
        _kill_group(ended.si_pid)
        pid, status = os.waitpid(ended.si_pid, 0)
        if pid in children:
            children.discard(pid)
            control.send(json.dumps({"exit": [pid, status]}).encode())


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _answer(
    control: socket.socket,
    request: dict[str, Any],
    descriptors: list[int],
    children: set[int],
    own: tuple[int, int],
) -> None:
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:  # too many processes, or no memory: the worker tries again
        pid = -1
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for descriptor in own:
            os.close(descriptor)
        if "branch" in request:
            branch = request["branch"]
            _live(socket.socket(fileno=descriptors[0]), branch["variables"], branch["imports"])
        _bear(descriptors, parent)
    for descriptor in descriptors:
        os.close(descriptor)
    if "bear" in request and pid > 0:
        children.add(pid)
    control.send(json.dumps({"pid": max(0, pid)}).encode())


def _bear(descriptors: list[int], parent: int) -> None:
    """Become a child; never returns."""
    status = 1
    try:
        os.setpgid(0, 0)  # so that what a job starts can be stopped with it
        _die_with(parent)
        from torc_nb.worker.child import serve

        serve(*descriptors)
        status = 0
    finally:
        os._exit(status)
