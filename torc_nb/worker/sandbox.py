"""What a job finds and leaves: folder, environment, signals, warnings and standard streams, put back after each."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings
from collections.abc import Mapping
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


class Sandbox:
    """The state that every job of a child begins with."""

    def __init__(self, cwd: str, variables: Mapping[str, str]) -> None:
        self._cwd = cwd
        self._missing_cwd = not os.path.isdir(cwd)
        os.environ.clear()
        os.environ.update(variables)
        if not self._missing_cwd:
            os.chdir(cwd)
        # os.environ._data is what os.environ.copy() would build anew, at ten times the cost.
        self._environment = dict(os.environ._data)  # type: ignore[attr-defined]
        self._handlers = [signal.getsignal(number) for number in _SIGNALS]
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._filters = list(warnings.filters)
        self._spares = [os.dup(number) for number in range(3)]
        self._inodes = [os.fstat(number).st_ino for number in range(3)]

    def check(self) -> None:
        """Refuse to run where the notebook's folder does not exist.

        Raises
        ------
        FileNotFoundError
            This node does not see the folder that the job was mapped from.
        """
        if self._missing_cwd:
            raise FileNotFoundError(
                f"the folder {self._cwd} that this was mapped from does not exist on this node; "
                "map from a folder that all nodes see"
            )

    def restore(self) -> None:
        """Put back what a job changed; looks first, since most change nothing."""
        if not self._missing_cwd:
            try:
                if os.getcwd() != self._cwd:
                    os.chdir(self._cwd)
            except OSError:
                os.chdir(self._cwd)
        if os.environ._data != self._environment:  # type: ignore[attr-defined]
            os.environ.clear()
            os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in self._environment.items()})
        for number, handler in zip(_SIGNALS, self._handlers, strict=True):
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        sys.stdin, sys.stdout, sys.stderr = self._streams
        for number, inode in enumerate(self._inodes):
            try:
                same = os.fstat(number).st_ino == inode
            except OSError:
                same = False
            if not same:
                os.dup2(self._spares[number], number)


def seed(workflow: int, row: int) -> None:
    """Seed ``random`` and ``numpy.random``, so that no two rows share a stream and a rerun repeats itself."""
    random.seed(workflow << 64 | row)
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed([workflow & 0xFFFFFFFF, row & 0xFFFFFFFF, row >> 32])
