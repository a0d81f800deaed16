"""How many nodes: the arithmetic of rounds and walltimes, by numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from torc_nb.launch.planning import Demand, NodeChoice, Shape, best_of, choices_of, links_of
from torc_nb.models import Request, Room

GIB, HOUR = 2**30, 3600.0

#: A job of the tutorial, and the two kinds of nodes that it weighs.
JOB = Request(num_cpus=4, memory=20 * GIB, runtime=HOUR)
SMALL = Shape("short", Room(36, 92 * GIB, 0, 4 * HOUR), 100)
LARGE = Shape("short", Room(36, 180224 * 2**20, 0, 4 * HOUR), 100)


def told(choice: NodeChoice) -> tuple[int, int, int | None, float | None]:
    """What matters of a choice: nodes, jobs at a time, rounds, hours."""
    return choice.nodes, choice.at_a_time, choice.rounds, None if choice.seconds is None else choice.seconds / HOUR


@pytest.mark.parametrize(("shape", "at_a_time", "per_allocation"), [(SMALL, 4, 16), (LARGE, 8, 32)])
def test_the_tutorials_arithmetic(shape: Shape, at_a_time: int, per_allocation: int) -> None:
    """20 GiB and 4 CPUs: 4 at a time on 92 GiB, 8 with mem=180224; of 1 h in 4 h, four rounds, 32 per allocation."""
    for n, nodes in ((per_allocation, 1), (per_allocation + 1, 2), (10 * per_allocation, 10)):
        fewest = choices_of([Demand(JOB, n)], shape)[0]
        assert (fewest.nodes, fewest.at_a_time, fewest.allocations) == (nodes, at_a_time, 1)
        assert fewest.rounds == (4 if nodes != 2 else 3)
    assert choices_of([Demand(JOB, per_allocation)], shape)[0].rounds == 4


def test_from_few_nodes_to_many() -> None:
    """Fewest end with the walltime, then half as long, then all in the first round; the charge has a factor."""
    found = choices_of([Demand(JOB, 320)], LARGE, factor=3.0)
    assert [told(one) for one in found] == [(10, 8, 4, 4.0), (20, 8, 2, 2.0), (40, 8, 1, 1.0)]
    assert [one.node_hours for one in found] == [40.0, 40.0, 40.0]
    assert [one.charge for one in found] == [120.0, 120.0, 120.0]
    assert best_of(found) == found[0]


def test_a_partition_with_too_few_nodes_takes_several_allocations() -> None:
    """No choice has more nodes than there are; what does not end within a walltime says how many it takes."""
    (only,) = choices_of([Demand(JOB, 320)], LARGE._replace(nodes=3))
    assert told(only) == (3, 8, 14, 14.0)
    assert only.allocations == 4
    roomy = choices_of([Demand(JOB, 320)], SMALL)
    assert best_of([only, *roomy]) == roomy[0]  # ends within one, though it costs more


def test_what_is_soon_over_takes_an_allocation_too() -> None:
    """However much shorter than the walltime it is; more nodes are none the better for it."""
    short = JOB._replace(runtime=HOUR / 100)
    found = choices_of([Demand(short, 100)], LARGE._replace(nodes=4))
    assert [one.allocations for one in found] == [1] * len(found)
    assert best_of(found) == min(found, key=lambda one: (one.charge or 0.0, one.nodes))


def test_the_large_nodes_cost_less() -> None:
    """Half as many node-hours: they are taken wherever both end within a walltime."""
    found = [*choices_of([Demand(JOB, 64)], SMALL), *choices_of([Demand(JOB, 64)], LARGE)]
    assert best_of(found) == choices_of([Demand(JOB, 64)], LARGE)[0]


def test_different_requests_are_counted_one_after_another() -> None:
    """A short second map adds its own rounds."""
    short = Request(num_cpus=1, memory=GIB, runtime=0.5 * HOUR)
    found = choices_of([Demand(JOB, 16), Demand(short, 36)], LARGE)
    assert told(found[0]) == (1, 36, 3, 2.5)


def test_allocations_one_after_another() -> None:
    """What does not fit into what is left of one waits for the next; what is not known of one is not known of all."""
    long = JOB._replace(runtime=2.5 * HOUR)
    assert [links_of([Demand(JOB, 320)], LARGE, nodes) for nodes in (1, 3, 10)] == [10, 4, 1]
    assert links_of([Demand(long, 80)], LARGE, 2) == 5
    assert links_of([Demand(long, 80), Demand(JOB, 32)], LARGE, 2) == 6
    assert links_of([Demand(JOB, 320), Demand(long._replace(runtime=None), 1)], LARGE, 1) is None
    assert links_of([Demand(JOB._replace(num_cpus=40), 9)], LARGE, 1) == 0  # it fits no such node
    assert links_of([Demand(JOB, 320)], LARGE._replace(room=LARGE.room._replace(time_left=None)), 1) == 1


def test_unknown_run_times_give_no_finish() -> None:
    """Only what runs side by side is known; there is no best then."""
    (only,) = choices_of([Demand(JOB._replace(runtime=None), 100)], LARGE)
    assert told(only) == (13, 8, None, None)
    assert (only.node_hours, only.allocations, only.charge) == (None, None, None)
    assert best_of([only]) is None
    partly = choices_of([Demand(JOB, 32), Demand(JOB._replace(runtime=None), 1)], LARGE)
    assert told(partly[0]) == (1, 8, 5, 4.0)  # a last round of which nobody knows how long it takes


def test_without_a_walltime_one_node_is_enough() -> None:
    """Its rounds have no end; more nodes are sooner done."""
    found = choices_of([Demand(JOB, 16)], LARGE._replace(room=LARGE.room._replace(time_left=None)))
    assert told(found[0]) == (1, 8, 2, 2.0)
    assert all(one.allocations == 1 for one in found)


@pytest.mark.parametrize(
    "request_", [JOB._replace(memory=200 * GIB), JOB._replace(runtime=5 * HOUR), JOB._replace(num_gpus=1)]
)
def test_what_fits_no_node_has_no_choice(request_: Request) -> None:
    """Memory, walltime or GPUs."""
    assert choices_of([Demand(request_, 5)], LARGE) == []


def test_nothing_to_do() -> None:
    """No jobs, no nodes."""
    assert choices_of([], LARGE) == []
    assert best_of([]) is None
