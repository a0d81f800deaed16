"""A child that the kernel stops between any two of its steps: the test takes the steps, the worker's side is real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import pytest

from torc_nb.functions import capture
from torc_nb.models import Claim, JobStatus
from torc_nb.worker import frames
from torc_nb.worker.board import Board
from torc_nb.worker.child import Role
from torc_nb.worker.child_process import ChildProcess
from torc_nb.worker.current_job import Terms
from torc_nb.worker.nursery import Nursery
from torc_nb.worker.packing import Seat

TERMS = Terms(1, 1, 1, None, None, "/nowhere", "/nowhere")


class Played:
    """The child's end of what it shares with the worker."""

    def __init__(self) -> None:
        role = Role(capture(int), "argument", "/", {}, (), "/nowhere", TERMS)
        self.process = ChildProcess(cast(Nursery, self), (1, 1, 1), role, Seat((), (), 1, 1))

    def bear(self, tasks: int, results: int, stdout: int, stderr: int, board: int) -> int:
        """Be born, as the nursery's child would."""
        self._tasks, self._results = os.dup(tasks), os.dup(results)
        self._board_file = os.dup(board)
        self.board = Board(self._board_file)
        return 2**22 + 3

    def give(self, *job_ids: int) -> None:
        """The worker hands it jobs."""
        self.process.give([claim(job_id) for job_id in job_ids], [("0", False)] * len(job_ids))

    def begin(self, number: int) -> bool:
        """Begin a job; says whether it is to be passed over, and leaves the answer to :meth:`answer`."""
        self.board.begin(number)
        return self.board.is_barred(number)

    def pass_over(self, number: int) -> None:
        """Answer that a job was passed over."""
        frames.write(self._results, frames.packed(number))

    def end(self, job_id: int) -> None:
        """Answer what a job ended with."""
        outcome = (job_id, 1, int(JobStatus.COMPLETED), 0, 0.0, 0.0, 0.0, 0, str(job_id), None, None, None, b"", b"")
        frames.write(self._results, frames.packed(outcome))

    def outcomes(self) -> list[tuple[int, Any]]:
        """What the worker makes of the answers: job ids, each with its value, or None where it was passed over."""
        return [(job.job_id, outcome and outcome[8]) for job, outcome in self.process.outcomes()]

    def close(self) -> None:
        """Let go of all."""
        self.process.close()
        self.board.close()
        for descriptor in (self._tasks, self._results, self._board_file):
            os.close(descriptor)


def claim(job_id: int) -> Claim:
    """A first attempt."""
    return Claim(job_id, 1, 1, 1, 0, 1, 1, 0, "0", b"")


@pytest.fixture
def child() -> Iterator[Played]:
    """A child that does nothing by itself."""
    played = Played()
    yield played
    played.close()


def test_a_child_that_passed_over_its_last_job_is_given_more(child: Played) -> None:
    """Stopped just before it says that it passed a job over, and looked after twice meanwhile, it is not forgotten."""
    child.give(101, 102, 103)
    child.begin(1)
    child.end(101)
    child.board.begin(2)
    assert child.process.take_back() == []  # too late: it may be in job 2
    assert child.board.is_barred(2)  # and here the kernel stops it for a while
    assert child.outcomes() == [(101, "101")]
    assert [job.job_id for job in child.process.take_back()] == [103]
    child.pass_over(2)
    assert child.outcomes() == [(102, None)]
    assert len(child.process) == 0
    assert not child.process.is_held_up, "or it would never be given anything again"


def test_what_was_taken_back_is_never_run(child: Played) -> None:
    """A second taking back while a child still passes over what the first one took lets none of that run."""
    child.give(101, 102, 103, 104)
    assert not child.begin(1)
    assert [job.job_id for job in child.process.take_back()] == [102, 103, 104]
    child.end(101)
    assert child.outcomes() == [(101, "101")]
    child.give(105, 106)
    assert child.begin(2)
    child.pass_over(2)
    assert [job.job_id for job in child.process.take_back()] == [106]
    for number in (3, 4):
        assert child.begin(number)
        child.pass_over(number)
    assert child.outcomes() == []
    if child.begin(5):
        child.pass_over(5)
        assert child.outcomes() == [(105, None)]
    else:
        child.end(105)
        assert child.outcomes() == [(105, "105")]
    assert child.begin(6)


def test_no_answer_is_taken_for_another_jobs(child: Played) -> None:
    """An answer for a job that was taken back is nobody's: it is not written down as the next one's."""
    child.give(101, 102)
    child.begin(1)
    assert [job.job_id for job in child.process.take_back()] == [102]
    child.end(101)
    child.outcomes()
    child.give(103)
    child.end(102)
    child.end(103)
    assert child.outcomes() == [(103, "103")]
