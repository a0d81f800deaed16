"""Whether a job fits a node: the one answer that planner and claim share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torc_nb.models import Request, Room, fits, misfit
from torc_nb.models.quantities import GIB

NODE = Room(num_cpus=4, memory=16 * GIB, num_gpus=1, time_left=3600.0)

REQUESTS = st.builds(
    Request,
    num_cpus=st.integers(1, 6),
    num_gpus=st.integers(0, 2),
    memory=st.none() | st.integers(0, 32 * GIB),
    runtime=st.none() | st.floats(0, 7200),
)


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request(4),
        Request(memory=16 * GIB),
        Request(num_gpus=1),
        Request(runtime=3600.0),
        Request(runtime=3780),
    ],
)
def test_what_fits(request_: Request) -> None:
    """Up to the last CPU, byte, GPU, and a little over the time left."""
    assert fits(request_, NODE)
    assert misfit(request_, NODE) is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request(5), "5 CPUs of 4"),
        (Request(memory=20 * GIB), "20 GB of memory of 16 GB"),
        (Request(num_gpus=2), "2 GPUs of 1"),
        (Request(runtime=7200.0), "2 h 00 min of 1 h 00 min"),
        (Request(5, 2), "5 CPUs of 4 and 2 GPUs of 1"),
    ],
)
def test_what_does_not_fit_says_why(request_: Request, reason: str) -> None:
    """With the numbers of both sides."""
    assert not fits(request_, NODE)
    assert misfit(request_, NODE) == reason


def test_four_rounds_of_a_quarter_of_the_walltime_fit() -> None:
    """The grace lets the last round start although the others took a little longer."""
    quarter = 900.0
    left = 3600.0
    for _ in range(4):
        assert fits(Request(runtime=quarter), NODE._replace(time_left=left))
        left -= quarter * 1.01
    assert not fits(Request(runtime=quarter), NODE._replace(time_left=left))


@given(REQUESTS)
def test_a_reason_stands_exactly_where_a_job_does_not_fit(request: Request) -> None:
    """``fits`` and ``misfit`` never contradict one another."""
    assert fits(request, NODE) == (misfit(request, NODE) is None)


@given(REQUESTS, st.integers(0, 4))
def test_more_room_never_fits_less(request: Request, more: int) -> None:
    """A node with more of anything takes what a smaller one takes."""
    larger = Room(NODE.num_cpus + more, NODE.memory + more * GIB, NODE.num_gpus + more, 3600.0 + 100 * more)
    assert fits(request, larger) or not fits(request, NODE)


def test_a_share_of_memory() -> None:
    """A job that asked for no memory gets that of its CPUs."""
    assert NODE.share(1) == 4 * GIB
    assert Room(0, GIB).share(1) == GIB
