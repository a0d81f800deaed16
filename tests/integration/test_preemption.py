"""A site that takes its nodes back, permits small arrays, and takes jobs from its login node only."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.conftest import until
from integration.works import lines, wait_for_it
from services.slurm_cluster import SlurmCluster

from torc_nb.api import Api, campaigns, launching
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

STRICT = (
    "MaxArraySize=3",
    "PreemptType=preempt/partition_prio",
    "PreemptMode=REQUEUE",
    "PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP",
)


@pytest.fixture(scope="module")
def strict(needs_slurm: None) -> Iterator[SlurmCluster]:
    """Its partition ``urgent`` takes the nodes of those of ``main``."""
    with SlurmCluster(nodes=2, extra=STRICT) as cluster:
        yield cluster


@pytest.fixture
def wf(api: Api, strict: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    """A workflow on that site."""
    for name, value in strict.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launching, "ASK_AGAIN", 0.5)
    opened = Workflow("sweep", files=tmp_path / "files")
    yield opened
    strict.clear()
    opened.api.database.close()


def test_it_goes_on_after_requeue_and_preemption(wf: Workflow, strict: SlurmCluster, tmp_path: Path) -> None:
    """The same allocation, which begins anew each time: jobs are warned, go back, and end once."""
    m = wf.map(wait_for_it, range(2))
    wf.schedule_nodes(1, cpus=2)
    (allocation,) = wf.api.list_allocations(wf.id)
    until(lambda: len(lines(tmp_path, "begun")) == 2)
    strict.run("scontrol", "requeue", str(allocation.scheduler_job))
    until(lambda: len(lines(tmp_path, "begun")) == 4, 60)
    strict.sbatch("--partition=urgent", "--nodes=2", "--exclusive", "--time=1", script="true")
    until(lambda: len(lines(tmp_path, "begun")) == 6, 60)
    (tmp_path / "go").touch()
    wf.wait(timeout=30, progress=False)
    assert wf.api.progress(wf.id).statuses == {JobStatus.COMPLETED: 2}
    assert Counter(lines(tmp_path, "ended")) == {"0": 1, "1": 1}
    assert Counter(lines(tmp_path, "warned")) == {"0": 2, "1": 2}
    assert list(m) == [0, 1]
    (same,) = wf.api.list_allocations(wf.id)
    assert same.scheduler_job == allocation.scheduler_job
    assert len(wf.api.list_workers(wf.id)) == 3
    left = [event.data["message"] for event in wf.api.list_events(wf.id) if event.kind == "worker left"]
    assert left[:2] == ["it was stopped by SIGTERM"] * 2
    assert [(job.interruptions, job.longest_cut) for job in wf.api.list_jobs(wf.id)] == [(0, None)] * 2


def test_a_worker_is_refused_by_slurm(wf: Workflow, strict: SlurmCluster, tmp_path: Path) -> None:
    """Nobody could know it beforehand: it tries, nothing is submitted, and Slurm's words are kept."""
    wf.map(wait_for_it, range(1))
    closed = tmp_path / "closed"
    wf.schedule_nodes(1, until_done=True, cpus=1, setup=[f"until [ -e {closed} ]; do sleep 0.1; done"])
    until(lambda: strict.squeue("--states=RUNNING"))
    strict.run("scontrol", "update", "partition=main", "AllocNodes=login1")
    try:
        closed.touch()
        until(lambda: refused(wf) is not None)
    finally:
        strict.run("scontrol", "update", "partition=main", "AllocNodes=ALL")
    assert refused(wf) == "sbatch refused: allocation failure: Access/permission denied"
    assert [event.data["reason"] for event in wf.api.list_events(wf.id) if event.kind == "nodes may not submit"] == [
        refused(wf)
    ]
    until(lambda: [job.status for job in wf.api.list_jobs(wf.id)] == [JobStatus.RUNNING])  # before, a link would be due
    (tmp_path / "go").touch()
    wf.wait(timeout=30, progress=False)
    assert len(wf.api.list_allocations(wf.id)) == 1


def refused(wf: Workflow) -> str | None:
    """Why the nodes may not submit, as far as it is known."""
    found = wf.api.get_campaign(wf.id)
    assert found is not None
    return found.nodes_refused


def test_no_array_is_larger_than_the_site_permits(wf: Workflow, strict: SlurmCluster) -> None:
    """The limit is read beforehand: what was asked for is submitted in several arrays, and nothing is put off."""
    wf.map(wait_for_it, range(8))
    wf.schedule_nodes(5, cpus=1, extra={"begin": "now+1hour"})
    assert len(strict.squeue("--array", "--states=PENDING")) == 5
    wf.api.cancel_allocations(wf.id)
    wf.schedule_nodes(7, until_done=True, cpus=1, extra={"begin": "now+1hour"})
    found = wf.api.get_campaign(wf.id)
    assert found is not None
    assert (found.state, found.message, found.nodes_refused) == ("on", "", None)
    arrays = Counter(job.partition("_")[0] for job in strict.squeue("--array", "--states=PENDING", "--format=%i"))
    assert sorted(arrays.values()) == [1, 3, 3]


def test_a_partition_that_keeps_its_nodes_out(wf: Workflow, strict: SlurmCluster) -> None:
    """Slurm tells it beforehand: chains are queued at once, none longer than what is left may need."""
    wf.map(wait_for_it, range(8), runtime="1h")
    strict.run("scontrol", "update", "partition=main", f"AllocNodes={socket.gethostname()}")
    try:
        wf.schedule_nodes(2, until_done=True, cpus=1, walltime="2h", max_node_hours=12, extra={"begin": "now+1hour"})
    finally:
        strict.run("scontrol", "update", "partition=main", "AllocNodes=ALL")
    found = wf.api.get_campaign(wf.id)
    assert found is not None
    assert campaigns.describe(found) == (
        "2 allocations until all is done, at most 12 node-hours: its nodes may not submit (partition main takes jobs "
        f"from {socket.gethostname()} only (AllocNodes)), so that allocations are queued ahead: 6 allocations in "
        "2 chains pending or running"
    )
    # Of one CPU each, 8 jobs of 1 h take 2 allocations of 2 h on each of 2 nodes; and one is in hand.
    names = Counter(strict.squeue("--array", "--states=PENDING", "--format=%j"))
    assert names == {f"torc-{wf.id}-1": 3, f"torc-{wf.id}-2": 3}
    wf.cancel()
    assert strict.squeue("--states=PENDING") == []
