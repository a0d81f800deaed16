"""A few jobs run first, on a machine without Slurm: what is planned by them, and what is recommended."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from services.kernel import Kernel

from torc_nb.errors import InvalidRequest, JobFailed, SlurmUnavailable
from torc_nb.workflow import Workflow

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _without_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def take(x: int) -> int:
    """Take longer than no time."""
    time.sleep(0.15)
    return x


def fail(x: int) -> int:
    """Go wrong."""
    raise ValueError(f"bad {x}")


def test_some_run_and_the_others_are_planned(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """Spread over the rows, and no more than these; the cell run again runs none; the results are kept."""
    m = wf.map(take, range(40), num_cpus=1, memory="1g")
    plan = wf.plan_nodes(canary=6)
    said = capsys.readouterr().out
    assert m.results(status="completed")["result"].tolist() == [0, 7, 15, 23, 31, 39]
    assert "6 jobs first: started a worker on this machine" in said
    assert "canary: 6 of 6 completed" in said
    assert "take: runtime 0." in said
    assert "observed, 6 jobs (the longest took 0." in said
    assert "By what they took is recommended: take: memory 1 GB → " in said
    (choice,) = plan.itertuples()
    assert (choice.partition, choice.nodes, bool(choice.best)) == ("this machine", 1, True)
    assert 0.15 * 1.25 * 34 / choice.jobs_per_node <= choice.seconds
    again = wf.plan_nodes(canary=6)
    assert "6 jobs of each map have ended before" in capsys.readouterr().out
    assert again.equals(plan)
    assert set(m.jobs()["status"]) == {"ready", "completed"}
    assert len(wf.allocations()) == 1
    wf.plan_nodes(canary=7)
    assert len(m.results(status="completed")) == 7


def test_where_all_fail_nothing_is_planned(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said with the error, also when the cell is run again; corrected, other jobs are run."""
    m = wf.map(fail, range(9), name="work")
    for _ in range(2):
        with pytest.raises(JobFailed, match=r"planned: all 3 jobs of work .* failed .*ValueError: bad \d"):
            wf.plan_nodes(canary=3)
        assert m.failures()["count"].tolist() == [3]
    wf.map(take, range(9), name="work")
    capsys.readouterr()
    assert len(wf.plan_nodes(canary=3)) == 1
    assert len(m.results(status="completed")) == 3


def test_what_makes_no_sense(wf: Workflow) -> None:
    """No jobs, a paused workflow, a number of nodes besides, and nodes where there is no Slurm."""
    with pytest.raises(InvalidRequest, match="No job of a map could begin now"):
        wf.plan_nodes(canary=3)
    wf.map(take, range(3))
    with pytest.raises(InvalidRequest, match="at least 1"):
        wf.plan_nodes(canary=0)
    with pytest.raises(InvalidRequest, match="not both"):
        wf.schedule_nodes(2, canary=3)
    with pytest.raises(SlurmUnavailable, match="no sbatch"):
        wf.schedule_nodes(canary=3)
    wf.map(take, range(3), name="huge", num_cpus=1000)
    wf.start()
    wf.pause()
    with pytest.raises(InvalidRequest, match=r"paused.*wf\.resume"):
        wf.plan_nodes(canary=3)
    assert wf.allocations().empty


def test_what_fits_no_node_is_not_waited_for(wf: Workflow) -> None:
    """The numbers are said instead."""
    wf.map(take, range(3), name="huge", num_cpus=1000)
    with pytest.raises(InvalidRequest, match="1000 CPUs of"):
        wf.plan_nodes(canary=3)


@ON_SQLITE
def test_stopped_and_gone_on_with_in_a_new_kernel(kernels: list[Kernel], tmp_path: Path) -> None:
    """Ctrl-C ends the waiting alone; who plans later plans by what has completed; who wants a worker gets another."""
    first, second = kernels
    cell = (
        "import pathlib, time\nfrom torc_nb import Workflow\n"
        "def run(x):\n"
        "    pathlib.Path(f'began{x}').touch()\n"
        "    while not pathlib.Path('go').exists():\n"
        "        time.sleep(0.02)\n"
        "    return x\n"
        "wf = Workflow('sweep', files='files'); m = wf.map(run, range(30))\n"
    )
    first.run(cell)
    waiting = first.begin("try:\n    wf.plan_nodes(canary=2)\nexcept KeyboardInterrupt:\n    print('stopped')")
    deadline = time.monotonic() + 40
    while not (tmp_path / "began0").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first.interrupt()
    assert "The 2 jobs go on; wf.plan_nodes() plans by those that have completed.\nstopped" in first.finish(waiting)
    (tmp_path / "go").touch()
    second.run(cell)
    assert "observed, 2 jobs" in second.run("%load_ext torc_nb\n%torc hpc slurm plan --canary 2")
    assert second.run("len(wf.allocations())").endswith("1")
    assert "started a worker" in second.run("wf.run(num_cpus=1)")
    second.run("m.wait(timeout=40, progress=False)")


def test_usage_applied_and_the_cell_run_again(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """A table with a recommendation; applied, it survives the cell, which says so; other numbers take it back."""
    asked = {"num_cpus": 2, "memory": "1g", "runtime": "1h"}
    m = wf.map(take, range(20), **asked)
    wf.run(num_cpus=2)
    m.wait(timeout=40, progress=False)
    wf.pause()  # the worker waits for more
    wf.map(take, range(30), **asked)
    capsys.readouterr()
    (row,) = wf.usage().itertuples()
    assert "Recommended from 5 completed jobs on" in capsys.readouterr().out
    assert (row.map, row.jobs, row.measured, row.cpus_asked, row.runtime_asked) == ("take", 30, 20, 2, 3600.0)
    assert 0.15 <= row.runtime_half <= row.runtime_95 <= row.runtime_max
    assert row.memory_max <= row.memory_recommended < 2**30
    assert (row.cpus_recommended, row.cut_by_walltime, row.out_of_memory) == (1, 0, 0)
    assert m.usage().equals(wf.usage("take"))
    m.apply_recommended()
    assert "take: num_cpus 2 → 1, memory 1 GB → " in capsys.readouterr().out
    assert wf.usage()["measured"].tolist() == [20, 0]
    wf.map(take, range(30), **asked)
    assert "go on asking for what was applied (num_cpus 2 → 1, memory 1 GB → " in capsys.readouterr().out
    wf.map(take, range(30), **asked | {"memory": "2g"})
    assert "what was applied" not in capsys.readouterr().out
    assert {2**31} == {one.asked.memory for one in wf.api.job_usage(wf.id).rows if one.is_of_map}
