"""What is found on a real Slurm before anything waits in its queue, with accounting and without."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from services.slurm_accounting import ACCOUNT, AccountingCluster
from services.slurm_cluster import SlurmCluster

from torc_nb.api import Api, Check, checking
from torc_nb.models import SlurmSchedulerModel, WorkflowModel

SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)

Find = Callable[..., dict[str, Check]]


@pytest.fixture(autouse=True)
def _ask_slurm_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five seconds are polite to a controller, and long for a test."""
    monkeypatch.setattr(checking, "_ASK", 0.5)


@pytest.fixture
def find(api: Api, tmp_path: Path) -> Find:
    """Finds what is to be found of a workflow whose function imports a package; by its name."""
    workflow = api.create_workflow(WorkflowModel(name="sweep", files=str(tmp_path / "files")))

    def dumps(x: int) -> str:
        import pydantic

        return pydantic.VERSION

    api.map_function(workflow.id or 0, dumps, [1])

    def found(job: bool = True, wait: float = 60.0, **settings: object) -> dict[str, Check]:
        scheduler = SlurmSchedulerModel(**settings)  # type: ignore[arg-type]
        seen = {one.what: one for one in api.check(workflow.id or 0, scheduler, job=job, wait=wait)}
        launches = Path(workflow.files) / "launches"
        assert not launches.exists() or list(launches.iterdir()) == []
        assert api.list_allocations(workflow.id or 0) == []
        return seen

    return found


def wrong(seen: dict[str, Check]) -> list[str]:
    """The names of what is not as it has to be."""
    return [what for what, one in seen.items() if one.ok is False]


def test_all_is_well(find: Find, slurm: SlurmCluster) -> None:
    """The job ran on a node; without accounting there are no accounts; nothing is left in the queue."""
    seen = find(walltime="1h")
    assert wrong(seen) == []
    assert seen["account"].ok is None
    assert seen["partition"].seen == "main: 3 nodes, 3 idle"
    assert seen["walltime"].seen == "1 h 00 min; no limit"
    assert "to start at" in seen["sbatch"].seen
    assert seen["node"].seen.split()[0] in slurm.nodes
    assert seen["node"].seen.endswith("began the job: 1 CPU for this job")
    assert seen["database from the node"].ok
    assert seen["folder on the node"].ok
    assert seen["modules on the node"].seen == "imported: pydantic"
    assert slurm.squeue("--states=PENDING,RUNNING") == []


@SQLITE
def test_what_slurm_would_refuse(find: Find, slurm: SlurmCluster) -> None:
    """A partition that is not there, more time than one gives, GPUs that no node has: each with what to type."""
    slurm.run("scontrol", "create", "PartitionName=short", "Nodes=ALL", "MaxTime=10", "State=UP")
    try:
        seen = find(job=False, partition="shrt")
        assert wrong(seen) == ["partition", "sbatch"]
        assert seen["partition"].seen == "there is no partition shrt; there is main, short"
        assert "sinfo -s" in seen["sbatch"].advice
        seen = find(job=False, partition="short", walltime="1h")
        assert seen["walltime"].seen == "1 h 00 min; at most 10 min 00 s"
        assert "walltime" in wrong(seen)
        slurm.run("scontrol", "update", "PartitionName=short", "State=DOWN")
        seen = find(job=False, partition="short")
        assert seen["partition"].seen == "short: 3 nodes, 3 idle, closed"
        assert "gres" in find(job=False, gres="gpu:1")["sbatch"].advice
    finally:
        slurm.run("scontrol", "delete", "PartitionName=short")


@SQLITE
def test_a_job_that_waits_is_canceled(find: Find, slurm: SlurmCluster) -> None:
    """With Slurm's reason in words; nothing of it is left in the queue."""
    held = slurm.sbatch("--nodes=3", "--exclusive", script="sleep 600")
    while slurm.squeue(f"--jobs={held}", "--format=%T") != ["RUNNING"]:
        pass
    seen = find(wait=1.0)
    assert "no node is free at the moment" in seen["node"].seen or "other jobs" in seen["node"].seen
    assert seen["node"].seen.startswith("still waiting after")
    assert seen["node"].ok is False
    assert [line.strip() for line in slurm.squeue("--states=PENDING,RUNNING", "--format=%A")] == [held]


@POSTGRESQL
def test_what_a_node_does_not_reach(find: Find, slurm: SlurmCluster) -> None:
    """The database is not to be had from there: what workers would say stands there, and what to look at."""
    seen = find(setup=["export PGSSLMODE=verify-full"])
    assert wrong(seen) == ["database from the node"]
    assert "%torc db status" in seen["database from the node"].advice


@SQLITE
def test_a_slurm_that_does_not_answer(find: Find, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once; what can be found out on this machine is."""
    monkeypatch.setenv("SLURM_CONF", "/nowhere/slurm.conf")
    seen = find()
    assert wrong(seen) == ["Slurm"]
    assert "SLURM_CONF" in seen["Slurm"].advice or "controller does not answer" in seen["Slurm"].advice
    assert seen["modules on the node"].ok


@SQLITE
def test_a_setup_line_that_fails(find: Find, slurm: SlurmCluster) -> None:
    """The end of the job's log says which."""
    seen = find(setup=["module load nonsense"])
    assert wrong(seen) == ["node"]
    assert "this setup line failed: module load nonsense" in seen["node"].seen


@SQLITE
def test_accounts(find: Find, accounting: AccountingCluster) -> None:
    """One that is not the user's is told with those that are; the default is as good as its name."""
    seen = find()
    assert wrong(seen) == []
    assert seen["account"].seen.startswith(f"{ACCOUNT}; yours: ")
    assert seen["account"].ok
    seen = find(job=False, account="nope")
    assert wrong(seen) == ["account", "sbatch"]
    assert seen["account"].seen.startswith("nope is not yours to use; yours: ")
    assert "sacctmgr show associations" in seen["account"].advice
    assert seen["sbatch"].seen.startswith("sbatch refused: allocation failure: Invalid account")
    seen = find(job=False, account=ACCOUNT, qos="urgent")
    assert seen["account"].seen == f"{ACCOUNT} may not use QOS urgent; it may use normal"
    accounting.limit(MaxSubmitJobs=0)
    assert "A limit of your account" in find(job=False)["sbatch"].advice
    assert find()["node"].ok is False
    assert os.environ["SLURM_CONF"] == accounting.environment["SLURM_CONF"]
