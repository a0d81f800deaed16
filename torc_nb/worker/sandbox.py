"""What a job finds and leaves: folder, environment, signals, warnings and standard streams, put back after each.

This runs after every job, however short, so it looks in the cheapest way that there is, and most jobs change nothing.
"""

from __future__ import annotations

# `signal` wraps its answers in enumerations, at thirty times the cost.
import _signal  # type: ignore[import-not-found]
import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


def standard_streams() -> tuple[TextIO, TextIO, TextIO]:
    """Open Python's streams on the descriptors 0 to 2, anew.

    By lines: what a job said before it crashed is what its user needs.
    """
    said: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "buffering": 1, "closefd": False}
    return open(0, closefd=False), open(1, "w", **said), open(2, "w", **said)


class Sandbox:
    """The state that every job of a child begins with.

    Attributes
    ----------
    cwd : str
        The folder that jobs run in.
    """

    def __init__(self, cwd: str, variables: Mapping[str, str]) -> None:
        self.cwd = cwd
        self._missing_cwd = not Path(cwd).is_dir()
        os.environ.clear()
        os.environ.update(variables)
        if not self._missing_cwd:
            os.chdir(cwd)
        self._real_cwd = os.getcwd()  # noqa: PTH109 - as it is asked below
        # os.environ._data is what os.environ.copy() would build anew, at ten times the cost.
        self._environment = dict(os.environ._data)  # type: ignore[attr-defined]
        self._handlers = [(int(number), _signal.getsignal(number)) for number in _SIGNALS]
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._filters = list(warnings.filters)
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._spares = [(os.dup(number), number) for number in range(3)]

    def check(self) -> None:
        """Refuse to run where the notebook's folder does not exist.

        Raises
        ------
        FileNotFoundError
            This node does not see the folder that the job was mapped from.
        """
        if self._missing_cwd:
            raise FileNotFoundError(
                f"the folder {self.cwd} that this was mapped from does not exist on this node; "
                "map from a folder that all nodes see"
            )

    def restore(self) -> None:
        """Put back what a job changed."""
        self._restore_folder()
        if os.environ._data != self._environment:  # type: ignore[attr-defined]
            os.environ.clear()
            os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in self._environment.items()})
        for number, handler in self._handlers:
            if _signal.getsignal(number) is not handler:
                _signal.signal(number, handler)
        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        os.umask(self._umask)
        if (sys.stdin, sys.stdout, sys.stderr) != self._streams:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()
            sys.stdin, sys.stdout, sys.stderr = self._streams
        for spare, number in self._spares:
            os.dup2(spare, number)  # to ask whether it is needed costs more
        stdin, stdout, stderr = self._streams
        if stdin.closed or stdout.closed or stderr.closed:
            self._streams = sys.stdin, sys.stdout, sys.stderr = standard_streams()

    def _restore_folder(self) -> None:
        try:
            if os.getcwd() == self._real_cwd:  # noqa: PTH109 - a Path costs more than all else here
                return
        except OSError:  # the job removed the folder that it was in
            pass
        if not self._missing_cwd:
            os.chdir(self.cwd)
