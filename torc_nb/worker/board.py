"""Numbers that the worker and one child share: which job has begun, which must not begin any more, and what it runs.

A long job at the head of a micro-batch would hold up the short ones behind it. The worker takes those back by raising
a bar: the child says which job it begins, then looks at the bar; the worker raises the bar, then looks which job has
begun. Each looks after it has spoken, so a job that has not begun by then will not begin.

A command has a process group of its own, which outlives a child that is killed: the worker then ends it.
"""

from __future__ import annotations

import mmap
import os

_BEGUN, _FROM, _UP_TO, _GROUP = 0, 1, 2, 3
_SIZE = 32


class Board:
    """The numbers, in a file without a name that both processes map."""

    def __init__(self, descriptor: int) -> None:
        if os.fstat(descriptor).st_size < _SIZE:
            os.ftruncate(descriptor, _SIZE)
        self._memory = mmap.mmap(descriptor, _SIZE)
        self._cells = memoryview(self._memory).cast("q")

    @property
    def begun(self) -> int:
        """The number of the job that the child began last; numbers count from 1."""
        return self._cells[_BEGUN]

    def begin(self, number: int) -> None:
        """Child: say that a job begins."""
        self._cells[_BEGUN] = number

    @property
    def group(self) -> int:
        """The process group of the command that runs; 0: none."""
        return self._cells[_GROUP]

    def run_group(self, group: int) -> None:
        """Child: say which process group runs."""
        self._cells[_GROUP] = group

    def is_barred(self, number: int) -> bool:
        """Child: whether the job was taken back. To be asked after ``begin`` and a system call, which is a fence."""
        return self._cells[_FROM] <= number < self._cells[_UP_TO]

    def take_back(self, after: int, up_to: int) -> bool:
        """Worker: bar the jobs after one, below another; True where none of them has begun, so that all are ours."""
        # A child that has not passed over all that was barred before must still do so, and takes the next along.
        has_passed = self.begun >= self._cells[_UP_TO]
        self._cells[_FROM] = after + 1 if has_passed else min(after + 1, self._cells[_FROM])
        self._cells[_UP_TO] = up_to
        os.getppid()  # a system call: the stores above are seen before the load below
        return self.begun <= after

    def close(self) -> None:
        """Let go of the memory."""
        self._cells.release()
        self._memory.close()
