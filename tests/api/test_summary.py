"""What a workflow came to."""

from __future__ import annotations

import pytest

from torc_nb.api import Api, NodeHours
from torc_nb.api.summary import node_hours
from torc_nb.models import WorkflowModel
from torc_nb.store.occupancy import FAILED, REPLACED, STANDS, Occupied, Presence

HOUR = 3600.0


def of(*occupied: Occupied, **presence: float) -> NodeHours:
    """The node-hours of a worker that had a node of 4 CPUs, 2 GPUs and 100 bytes for 10 hours."""
    worker = Presence(10 * HOUR, 4, 2, 100)._replace(**presence)  # type: ignore[arg-type]
    return node_hours({1: worker}, occupied)


def test_a_job_takes_the_largest_share_of_what_it_asks_for() -> None:
    """Of the CPUs, the GPUs or the memory; more than there is is all of it."""
    assert of(Occupied(1, STANDS, HOUR, 1, 0, None)).useful == 0.25
    assert of(Occupied(1, STANDS, HOUR, 1, 1, None)).useful == 0.5
    assert of(Occupied(1, STANDS, HOUR, 1, 0, 75)).useful == 0.75
    assert of(Occupied(1, STANDS, HOUR, 9, 0, None)).useful == 1.0
    assert of(Occupied(1, STANDS, HOUR, 1, 1, 50), num_gpus=0, memory=0).useful == 0.25


def test_what_is_wasted() -> None:
    """The parts add up to all that the node was held."""
    found = of(
        Occupied(1, STANDS, 8 * HOUR, 2, 0, None),
        Occupied(1, FAILED, 2 * HOUR, 2, 0, None),
        Occupied(1, REPLACED, 4 * HOUR, 2, 0, None),
    )
    assert found == NodeHours(used=10.0, useful=4.0, failed=1.0, replaced=2.0, idle=3.0)
    assert found.wasted == 6.0


def test_attempts_count_though_their_worker_was_not_seen_so_long() -> None:
    """Nor is anything less than nothing: the ends of a worker that came back later are told by their times."""
    found = of(Occupied(1, STANDS, 20 * HOUR, 4, 0, None), Occupied(2, STANDS, HOUR, 1, 0, None))
    assert found == NodeHours(used=20.0, useful=20.0, failed=0.0, replaced=0.0, idle=0.0)


def test_before_anything_ran(api: Api, workflow: WorkflowModel) -> None:
    """Jobs and code are there, all else is nothing."""
    api.map_function(workflow.id or 0, lambda x: x, [1, 2], name="m")
    found = api.summary(workflow.id or 0)
    assert str(found).splitlines() == [
        "sweep: 2 jobs (2 uninitialized)",
        "code: <lambda> v1 (0 results)" if found.code[0].name == "<lambda>" else "code: lambda v1 (0 results)",
        "node-hours: 0 used, of these 0 wasted (0 by failed attempts, 0 by results replaced, 0 idle)",
        "packages: none",
    ]
    assert found.plain()["node_hours"]["wasted"] == pytest.approx(0.0)
