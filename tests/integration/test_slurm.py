"""Workflows on a real Slurm, without accounting, as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from integration.conftest import until
from integration.works import leave_a_mark, meet, picky
from services.kernel import Kernel, execute
from services.slurm_cluster import SlurmCluster

from torc_nb.api import Api, launching
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import JobStatus, SlurmSchedulerModel
from torc_nb.workflow import Workflow

SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)

SIMULATION = '''
def run(input_params: dict) -> dict:
    """Runs one simulation on a set of input parameters."""
    job_name = input_params["job_name"]
    return {"inputs": input_params, "result": 5, "output_data_path": f"/projects/my-project/{job_name}"}


def postprocess(results: list[dict]) -> dict:
    """Collects the results of the workers."""
    paths = [result["output_data_path"] for result in results]
    return {"total": sum(result["result"] for result in results), "output_data_paths": paths}
'''


@pytest.fixture(autouse=True)
def _ask_slurm_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute is polite to a controller, and long for a test."""
    monkeypatch.setattr(launching, "ASK_AGAIN", 0.5)


@pytest.fixture
def wf(api: Api, slurm: SlurmCluster, tmp_path: Path) -> Iterator[Workflow]:
    """A workflow; its allocations are cancelled before the database goes."""
    opened = Workflow("sweep", files=tmp_path / "files")
    yield opened
    slurm.clear()
    opened.api.database.close()


def marks(folder: Path) -> list[list[str]]:
    """What the jobs left: row and node."""
    path = folder / "ran"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def all_completed(wf: Workflow, seconds: float = 60) -> None:
    """Wait until all is done, and see that all is well."""
    wf.wait(timeout=seconds, progress=False)
    assert set(wf.api.progress(wf.id).statuses) == {JobStatus.COMPLETED}


@pytest.fixture(scope="module")
def eagle(needs_slurm: None) -> Iterator[SlurmCluster]:
    """A cluster with the nodes of the tutorial's."""
    with SlurmCluster(nodes=1, cpus=36, memory=184320) as cluster:
        yield cluster


@POSTGRESQL
def test_the_tutorials_workflow(eagle: SlurmCluster, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's function over three parameters, 4 CPUs and 20 GiB each, on a node of 180 GiB; and its postprocess."""
    for name, value in eagle.environment.items():
        monkeypatch.setenv(name, value)
    code = tmp_path / "code"
    code.mkdir()
    (code / "simulation.py").write_text(SIMULATION)
    wf = Workflow("my_workflow", files=tmp_path / "files", description="My workflow")
    api.create_slurm_scheduler(
        SlurmSchedulerModel(
            workflow_id=wf.id, name="short", account="my_account", mem="180224", walltime="04:00:00", nodes=1
        )
    )
    names = ["a", "b", "c"]
    params = [{"job_name": name, "input1": number} for number, name in enumerate(names)]
    m = wf.map(
        ("simulation", "run"), params, postprocess=("simulation", "postprocess"), module_directory=code,
        num_cpus=4, memory="20g", runtime="P0DT1H",
    )  # fmt: skip
    wf.schedule_nodes(1, scheduler="short")
    all_completed(wf)
    assert m.postprocess_result() == {
        "total": 15, "output_data_paths": [f"/projects/my-project/{name}" for name in names]
    }  # fmt: skip
    assert list(m) == [
        {"inputs": row, "result": 5, "output_data_path": f"/projects/my-project/{row['job_name']}"} for row in params
    ]
    (worker,) = api.list_workers(wf.id)
    assert (worker.num_cpus, worker.memory) == (36, 180224 * 2**20)
    eagle.clear()
    wf.api.database.close()


@POSTGRESQL
def test_a_broken_node_is_left_and_excluded(wf: Workflow, slurm: SlurmCluster, tmp_path: Path) -> None:
    """It is remembered; what waits for it in the queue leaves at once, and nothing submitted later goes there."""
    wf.map(picky, range(40))
    wf.schedule_nodes(1, extra={"nodelist": "n1"})
    until(lambda: len(marks(tmp_path)) >= 3)
    for _ in range(2):
        wf.schedule_nodes(1, more=True, extra={"nodelist": "n2"})
    ended = wf.api.list_allocations

    def messages() -> list[str]:
        return [one.message for one in ended(wf.id) if one.state == "ended"]

    until(lambda: len(messages()) == 2, 60)
    assert "libmissing.so.1" in messages()[0]
    assert messages()[1].startswith("the node n2 is excluded (its first ")
    assert "`%torc hpc slurm excluded-nodes remove n2`" in messages()[1]
    (excluded,) = wf.excluded_nodes().itertuples()
    assert (excluded.Index, excluded.worker_id) == ("n2", 2)
    wf.schedule_nodes(2, more=True)
    until(lambda: [one.state for one in ended(wf.id)] == ["running", "ended", "ended", "running", "submitted"])
    for one in ended(wf.id)[3:]:
        assert "ExcNodeList=n2" in slurm.run("scontrol", "show", "job", str(one.scheduler_job))
    assert {one.host for one in wf.api.list_workers(wf.id) if one.state == "running"} == {"n1", "n3"}
    (tmp_path / "go").touch()
    all_completed(wf)
    assert {node for _, node in marks(tmp_path)} == {"n1", "n3"}


@SQLITE
def test_where_all_nodes_are_excluded_it_is_said(wf: Workflow, slurm: SlurmCluster) -> None:
    """Slurm refuses; with its words come the nodes that are left out, and how one is used again."""
    wf.map(leave_a_mark, range(2))
    for node in ("n1", "n2", "n3"):
        wf.exclude_node(node, "it hums")
    with pytest.raises(LaunchError, match=r"not available[\s\S]*n1, n2, n3 are excluded.*excluded-nodes remove NODE"):
        wf.schedule_nodes(1)
    assert "n1, n2, n3 are excluded" in str(wf.why())
    with pytest.raises(InvalidRequest, match="Slurm has no node 'n9'"):
        wf.exclude_node("n9")
    wf.allow_node("n3")
    wf.schedule_nodes(1, extra={"exclude": "n1"})
    all_completed(wf)
    assert [one.host for one in wf.api.list_workers(wf.id)] == ["n3"]


@SQLITE
def test_three_nodes_share_a_thousand_jobs(wf: Workflow, tmp_path: Path) -> None:
    """Each runs exactly once, and every node has its part."""
    m = wf.map(meet, range(1000), [0.05] * 1000, [3] * 1000)
    wf.schedule_nodes(3)
    all_completed(wf)
    ran = marks(tmp_path)
    assert Counter(row for row, _ in ran) == Counter(str(x) for x in range(1000))
    by_node = Counter(node for _, node in ran)
    assert sorted(by_node) == ["n1", "n2", "n3"]
    assert min(by_node.values()) > 50
    assert list(m) == list(range(1000))
    assert set(m.results(provenance=True)["job.host"]) == {"n1", "n2", "n3"}


@POSTGRESQL
def test_a_cancelled_allocation_costs_nothing(wf: Workflow, slurm: SlurmCluster, tmp_path: Path) -> None:
    """One is given to scancel in mid-run: its jobs go on elsewhere, and none is lost or failed."""
    wf.map(meet, range(300), [0.2] * 300, [3] * 300)
    wf.schedule_nodes(3)
    until(lambda: len({node for _, node in marks(tmp_path)}) == 3)
    victim = wf.api.list_allocations(wf.id)[1]
    slurm.run("scancel", str(victim.scheduler_job))
    all_completed(wf)
    ran = Counter(row for row, _ in marks(tmp_path))
    assert set(ran) == {str(x) for x in range(300)}
    assert sum(ran.values()) <= 304  # what ran on the node's four CPUs at that moment, at most
    assert wf.failures().empty


@SQLITE
def test_allocations_outlive_the_kernel(slurm: SlurmCluster, wf: Workflow, kernel: Kernel, tmp_path: Path) -> None:
    """Killed in mid-run with signal 9; a new one finds all results."""
    kernel.run(
        "import pathlib, time\nfrom torc_nb import Workflow\n"
        "def run(x):\n"
        "    while x >= 10 and not pathlib.Path('go').exists():\n"
        "        time.sleep(0.02)\n"
        "    with pathlib.Path('ran').open('a') as ran:\n"
        "        ran.write(f'{x} here\\n')\n"
        "    return x\n"
        "wf = Workflow('sweep'); m = wf.map(run, range(60)); wf.schedule_nodes(1, cpus=2)"
    )
    until(lambda: len(marks(tmp_path)) == 10)
    kernel.kill()
    (tmp_path / "go").touch()
    all_completed(wf)
    assert Counter(row for row, _ in marks(tmp_path)) == Counter(str(x) for x in range(60))
    with Kernel(tmp_path) as monday:
        assert monday.run("from torc_nb import Workflow; print(list(Workflow('sweep')['run']))").endswith(
            f"{list(range(60))}\n"
        )


@SQLITE
def test_submitting_from_within_a_job(wf: Workflow, slurm: SlurmCluster, tmp_path: Path) -> None:
    """Jupyter itself runs on a compute node: its job's variables reach neither sbatch nor the worker."""
    wf.map(leave_a_mark, [1, 2])
    script = tmp_path / "notebook.py"
    script.write_text("from torc_nb import Workflow; Workflow('sweep').schedule_nodes(1, cpus=3, mem='1g')")
    outer = slurm.sbatch(
        "--cpus-per-task=1", "--mem=200", "--time=2", "--export=ALL", f"--chdir={tmp_path}",
        script=f"{sys.executable} {script}",
    )  # fmt: skip
    until(lambda: wf.api.list_allocations(wf.id))
    all_completed(wf)
    (worker,) = wf.api.list_workers(wf.id)
    assert (worker.num_cpus, worker.memory) == (3, 2**30)
    (allocation,) = wf.api.list_allocations(wf.id)
    assert allocation.scheduler_job != outer


@SQLITE
def test_nothing_is_complained_of_where_there_is_no_accounting(api: Api, slurm: SlurmCluster, tmp_path: Path) -> None:
    """On this cluster sacct fails; nobody notices, neither in the notebook nor in the allocation's log."""
    script = tmp_path / "notebook.py"
    script.write_text(
        "from torc_nb import Workflow\n"
        "wf = Workflow('sweep', files='files')\n"
        "m = wf.map(lambda x: x, [1, 2], name='same')\n"
        "wf.schedule_nodes(1, cpus=2)\n"
        "print(wf.status().is_done, list(m), repr(wf), len(wf.allocations()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert "[1, 2]" in done.stdout
    (allocation,) = api.list_allocations(1)
    assert "sacct" not in Path(allocation.log).read_text()
    slurm.clear()


@SQLITE
def test_a_failing_setup_line_shows_the_end_of_its_log(wf: Workflow, slurm: SlurmCluster) -> None:
    """In status, and where one waits; nothing is left as if it were coming."""
    wf.map(leave_a_mark, [1])
    wf.schedule_nodes(1, cpus=1, setup=["echo loading the modules", "exit 3"])
    with pytest.raises(LaunchError, match="loading the modules"):
        wf.wait(timeout=30, progress=False)
    (failed,) = wf.status().failed
    assert "loading the modules" in failed.message
    assert wf.status().waiting == []
    wf.schedule_nodes(1, cpus=1)
    all_completed(wf)


@SQLITE
def test_a_python_that_is_not_on_the_node(wf: Workflow, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its shell says so, and status repeats it."""
    wf.map(leave_a_mark, [1])
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/not/mounted/here/python")
        wf.schedule_nodes(1, cpus=1)
    until(lambda: wf.status().failed)
    assert "/not/mounted/here/python" in wf.status().failed[0].message


@SQLITE
def test_a_refusal_is_told_with_its_cure(wf: Workflow) -> None:
    """In sbatch's own words; nothing of it is pending."""
    wf.map(leave_a_mark, [1])
    with pytest.raises(LaunchError, match="invalid partition specified: nonesuch") as refused:
        wf.schedule_nodes(2, partition="nonesuch")
    assert len(str(refused.value).splitlines()) > 1
    assert {one.state for one in wf.api.list_allocations(wf.id)} == {"failed"}


@SQLITE
def test_have_three_not_three_more(wf: Workflow, slurm: SlurmCluster, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice adds nothing and says so; four adds one; cancel ends them all."""
    wf.map(leave_a_mark, range(50), [1.0] * 50)
    wf.schedule_nodes(3, cpus=1)
    wf.schedule_nodes(3, cpus=1)
    assert "3 allocation(s) are pending or running already" in capsys.readouterr().out
    assert len(slurm.squeue("--array")) == 3
    wf.schedule_nodes(4, cpus=1)
    assert len(slurm.squeue("--array")) == 4
    wf.cancel()
    until(lambda: slurm.squeue("--array", "--states=PENDING,RUNNING") == [])
    assert set(wf.api.progress(wf.id).statuses) == {JobStatus.CANCELED}


@SQLITE
def test_why_it_waits_in_words(wf: Workflow, slurm: SlurmCluster) -> None:
    """With all nodes taken by others, job and workflow tell Slurm's reason; once these end, nothing is missing."""
    other = slurm.sbatch("--nodes=3", "--exclusive", script="sleep 300")
    until(lambda: slurm.squeue(f"--jobs={other}", "--format=%T") == ["RUNNING"])
    wf.map(leave_a_mark, [1])
    wf.schedule_nodes(1, cpus=1)
    until(lambda: "no node is free at the moment (Resources)" in str(wf.why()), complaint=str(wf.why()))
    (job_id,) = wf.jobs().index
    assert "waits for allocation 1 (Slurm job " in wf.why(job_id).text
    slurm.run("scancel", other)
    all_completed(wf)
    assert "has completed on " in wf.why(job_id).text


@SQLITE
def test_magic_in_a_notebook(api: Api, slurm: SlurmCluster, tmp_path: Path) -> None:
    """The tutorial's commands, in a notebook that nbclient executes from top to bottom."""
    cells = [
        "%load_ext torc_nb\nfrom torc_nb import Workflow\nwf = Workflow('sweep', files='files')",
        "def run(x):\n    return x * 2\nm = wf.map(run, [1, 2, 3])",
        "%torc hpc slurm schedule-nodes -n 1",
        "m.wait(timeout=40)",
        "jobs = %torc jobs list\nassert len(jobs) == 3\nprint(m.results()['result'].tolist())",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    execute(notebook, tmp_path)
    assert "[2, 4, 6]" in notebook.cells[-1].outputs[0]["text"]
    slurm.clear()


@pytest.mark.timeout(400)
def test_an_allocation_of_one_minute(
    minute_workflow: Path, minute_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker hands back what it cannot end in time; the next allocation does the rest, and nothing has failed."""
    for name, value in minute_cluster.environment.items():
        monkeypatch.setenv(name, value)
    wf = Workflow("sweep", db=f"sqlite:///{minute_workflow / 'torc.db'}")
    until(lambda: minute_cluster.squeue("--states=PENDING,RUNNING") == [], 150)
    first = len(marks(minute_workflow))
    assert 4 <= first <= 7
    assert wf.status().statuses == {JobStatus.READY: 12 - first, JobStatus.COMPLETED: first}
    wf.schedule_nodes(1, cpus=4, walltime="5min")
    all_completed(wf, 150)
    assert Counter(row for row, _ in marks(minute_workflow)) == Counter(str(x) for x in range(12))
    wf.api.database.close()


@SQLITE
def test_nodes_elsewhere_need_a_server(wf: Workflow, slurm: SlurmCluster) -> None:
    """Nothing is submitted that could not work: two lines say why, and name the command."""
    wf.map(leave_a_mark, [1])
    node = slurm.nodes[0]
    slurm.run("scontrol", "update", f"NodeName={node}", "NodeAddr=192.0.2.77")
    try:
        with pytest.raises(LaunchError) as caught:
            wf.schedule_nodes(1)
    finally:
        slurm.run("scontrol", "update", f"NodeName={node}", "NodeAddr=127.0.0.1")
    why, cure = str(caught.value).splitlines()
    assert "is an SQLite file, which workers on other machines (192.0.2.77, …) cannot use." in why
    assert "`%torc db start`" in cure
    assert slurm.squeue() == []
    assert wf.allocations().empty
