"""Where children come from: a single-threaded process without database connections that forks on request.

The root nursery is forked first of all from the worker and stays pristine. Branches of it import what the jobs import,
under the thread limits of the jobs that they will bear; children are forked from branches, so that a child is warm
within milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_MESSAGE = 1 << 16
_PR_SET_PDEATHSIG = 1

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
        self.is_gone = False

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
        while not self.is_gone and select.select([self._control], [], [], 0)[0]:
            self._receive()
        ended, self._exits = self._exits, []
        return ended

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
            if answer is not None and "exit" not in answer:
                return answer
        return {}

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
        return message


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _live(control: socket.socket, variables: Mapping[str, str], imports: Sequence[str]) -> None:
    """Be a nursery until the worker closes its end; never returns."""
    status = 1
    try:
        die_with_parent()
        # The stop button and the terminal speak to the worker, which then decides about its children.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        os.environ.update(variables)
        for name in ("torc_nb.worker.child", *imports):
            # What cannot be imported here fails in the job that needs it, with its own traceback.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
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
        readable, _, _ = select.select([control, wake_read], [], [])
        if wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 4096)
            _report_exits(control, children)
        if control in readable:
            data, descriptors, _, _ = socket.recv_fds(control, _MESSAGE, 8)
            if not data:
                for pid in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                return
            _answer(control, json.loads(data), descriptors, children, (wake_read, wake_write))


def _report_exits(control: socket.socket, children: set[int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in children:
            children.discard(pid)
            control.send(json.dumps({"exit": [pid, status]}).encode())


def _answer(
    control: socket.socket,
    request: dict[str, Any],
    descriptors: list[int],
    children: set[int],
    own: tuple[int, int],
) -> None:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for descriptor in own:
            os.close(descriptor)
        if "branch" in request:
            branch = request["branch"]
            _live(socket.socket(fileno=descriptors[0]), branch["variables"], branch["imports"])
        _bear(descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    if "bear" in request:
        children.add(pid)
    control.send(json.dumps({"pid": pid}).encode())


def _bear(descriptors: list[int]) -> None:
    """Become a child; never returns."""
    status = 1
    try:
        die_with_parent()
        os.setpgid(0, 0)  # so that what a job starts can be stopped with it
        from torc_nb.worker.child import serve

        serve(*descriptors)
        status = 0
    finally:
        os._exit(status)
