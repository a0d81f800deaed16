"""Nodes until done where nodes may not submit: chains of allocations, with a Slurm that is a number."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from api.queues import Queue, alive, campaign, end

from torc_nb import launch, slurm
from torc_nb.api import Api, campaigns, chains
from torc_nb.errors import LaunchError, SlurmLimit, SlurmUnavailable
from torc_nb.launch import Chain
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel
from torc_nb.slurm import Partition
from torc_nb.store import campaigns as stored

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

HOURLY = SlurmSchedulerModel(walltime="1h")
NODE = Partition("main", True, True, nodes=10, idle=10, cpus=1, memory=2**30, time_limit=None, gres="")


@pytest.fixture(autouse=True)
def _nodes(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition of nodes with one CPU each."""
    monkeypatch.setattr(slurm, "partitions", lambda: [NODE])


@pytest.fixture
def hundred(api: Api, workflow: WorkflowModel) -> int:
    """A workflow of a hundred jobs, of which three fit one after the other into an hour."""
    assert workflow.id is not None
    asked = ResourceRequirementsModel(workflow_id=workflow.id, runtime="20min")
    api.map_function(workflow.id, lambda x: x, range(100), name="same", requirement=asked)
    return workflow.id


def lengths(queue: Queue) -> Counter[int]:
    """How many links of which chain were submitted."""
    found: Counter[int] = Counter()
    for chain, n in queue.chained:
        if chain is not None:
            found[chain.number] += n
    return found


def test_chains_are_queued_once_a_worker_told(api: Api, hundred: int, queue: Queue) -> None:
    """Until then so many as were wished; then each of these is the first link of a chain; nobody puts on twice."""
    assert api.schedule_nodes(hundred, 5, until_done=True, scheduler=HOURLY).started == 5
    stored.note_nodes(api.database, hundred, "there is no sbatch in PATH on n1")
    lookers = [threading.Thread(target=api.status, args=(hundred,)) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    # Five nodes need seven allocations each for a hundred jobs, three at a time in one; and one is in hand.
    assert lengths(queue) == dict.fromkeys(range(5), 7)
    assert queue.chained == [(None, 5), *((Chain(k, (str(k + 1),)), 7) for k in range(5))]
    assert alive(api, hundred) == 40
    assert campaign(api, hundred).message == (
        "its nodes may not submit (there is no sbatch in PATH on n1), so that allocations are queued ahead: "
        "40 allocations in 5 chains pending or running"
    )
    api.status(hundred)
    assert alive(api, hundred) == 40
    kinds = [event.kind for event in api.list_events(hundred)]
    assert kinds.count("nodes may not submit") == 1


def test_who_looks_on_a_node_leaves_it_to_others(api: Api, hundred: int, queue: Queue) -> None:
    """What Slurm takes from nowhere on the nodes is no refusal that ends it; the first look from elsewhere goes on."""
    api.schedule_nodes(hundred, 2, until_done=True, scheduler=HOURLY)
    api.start_workflow(hundred)
    end(api, hundred)
    queue.refusal = "sbatch refused: allocation failure: Access/permission denied\nYou may not use this partition"
    for _ in range(campaigns.IDLE_ENDS):
        campaigns.top_up(api.database, hundred, on_node=True)
    found = campaign(api, hundred)
    assert (found.state, found.nodes_refused) == (
        "on", "sbatch refused: allocation failure: Access/permission denied"
    )  # fmt: skip
    assert not stored.is_due(api.database, hundred, on_node=True)
    assert alive(api, hundred) == 1
    queue.refusal = ""
    api.status(hundred)
    assert lengths(queue) == {0: 9, 1: 10}  # a hundred jobs of 20 min need more, and this is the most


@ON_SQLITE
def test_known_beforehand_they_are_queued_at_once(
    api: Api, hundred: int, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the ceiling, and within what Slurm takes; the rest later; the first links of all come first."""
    monkeypatch.setattr(slurm, "kept_out", lambda _: "partition main takes jobs from login1 only (AllocNodes)")
    queue.room = 3
    brought = api.schedule_nodes(hundred, 4, until_done=True, scheduler=HOURLY, max_node_hours=6)
    assert brought.started == 3
    assert "Slurm takes no more of your jobs for now" in brought.message
    queue.room = 10
    api.status(hundred)
    assert alive(api, hundred) == 6
    assert sorted(lengths(queue).values()) == [1, 1, 2, 2]


@ON_SQLITE
def test_fewer_nodes_are_fewer_chains(
    api: Api, hundred: int, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are too many are canceled with all that waits in them; so is what is not needed, and all at a stop."""
    monkeypatch.setattr(slurm, "kept_out", lambda _: "partition main takes jobs from login1 only (AllocNodes)")
    api.schedule_nodes(hundred, 5, until_done=True, scheduler=HOURLY)
    assert alive(api, hundred) == 40
    api.schedule_nodes(hundred, 2)
    assert len(queue.canceled) == 24
    assert lengths(queue) == {0: 10, 1: 10, 2: 8, 3: 8, 4: 8}
    assert alive(api, hundred) == 20
    api.cancel_jobs(hundred, [int(job.id) for job in api.list_jobs(hundred)[:96]])
    api.status(hundred)
    assert alive(api, hundred) == 4
    for _ in range(campaigns.IDLE_ENDS):
        end(api, hundred)
        api.status(hundred)
    assert (campaign(api, hundred).state, alive(api, hundred)) == ("stopped", 0)


@ON_SQLITE
def test_what_is_not_known_may_take_a_whole_allocation(api: Api, id_: int, queue: Queue) -> None:
    """Each chain is as long as any may be, but there are no more links than jobs."""
    api.schedule_nodes(id_, 15, until_done=True, scheduler=HOURLY)
    stored.note_nodes(api.database, id_, "there is no sbatch in PATH on n1")
    api.status(id_)
    assert alive(api, id_) == 100


@ON_SQLITE
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, ""),
        (SlurmLimit("sbatch refused: AssocMaxSubmitJobLimit"), ""),
        (SlurmUnavailable("sbatch did not answer within 120 s."), None),
        (LaunchError("sbatch refused: allocation failure: Access/permission denied\nAsk your site"),
         "sbatch refused: allocation failure: Access/permission denied"),
    ],
)  # fmt: skip
def test_a_worker_finds_out(
    api: Api, hundred: int, monkeypatch: pytest.MonkeyPatch, error: Exception | None, told: str | None
) -> None:
    """One is told to try, and tells what it saw; where it saw nothing another is told later."""

    def answer(*_: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(launch, "would_start", answer)
    api.schedule_nodes(hundred, 2, until_done=True, scheduler=HOURLY)
    assert stored.shall_try(api.database, hundred)
    assert not stored.shall_try(api.database, hundred)
    chains.find_out(api.database, hundred)
    assert campaign(api, hundred).nodes_refused == told
    monkeypatch.setattr(stored, "TELLS_WITHIN", -1.0)
    assert stored.shall_try(api.database, hundred) == (told is None)
