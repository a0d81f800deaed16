"""What can be done with a workflow through Jupyter's server: the commands, and none of the user's code runs in it."""

from __future__ import annotations

import sys
import time

import pytest
from commands.sweep import until
from server.answers import Get
from services.slurm_cluster import SlurmCluster
from services.workers import pids

from torc_nb.api import Api, launching
from torc_nb.models import JobStatus, SlurmSchedulerModel, WorkflowModel


async def test_rerun(get: Get, act: Get, address: str, api: Api) -> None:
    """Failed jobs are ready again with the code that was mapped last, and that is said."""
    done = await act(address, act="rerun", status=["failed"])
    assert done.code == 200
    assert done.data["said"].startswith("1 job(s) are ready again; run: run is not defined here, so the code that was")
    assert api.get_job(3).status == JobStatus.READY
    found = (await get("workflows")).data[0]
    assert (found["statuses"]["ready"], found["is_done"]) == (1, False)


async def test_rerun_of_some_jobs(act: Get, address: str, api: Api) -> None:
    """By their ids, whatever their status."""
    assert (await act(address, act="rerun", jobs=[1, 2])).data["said"].startswith("2 job(s) are ready again")
    assert [api.get_job(id_).status for id_ in (1, 2, 4)] == [JobStatus.READY, JobStatus.READY, JobStatus.COMPLETED]


async def test_start_and_cancel(act: Get, address: str, api: Api) -> None:
    """Each says what it did; said again, it does nothing more."""
    assert (await act(address, act="start")).data["said"].startswith("It was started before.")
    api.rerun(1, [JobStatus.FAILED])
    assert (await act(address, act="cancel")).data["said"].startswith("Canceled 2 job(s) and all allocations.")
    assert api.get_workflow(1).state == "canceled"
    assert (await act(address, act="start")).data["said"].startswith("Started: its jobs can run.")


async def test_pause_and_resume(act: Get, address: str, api: Api) -> None:
    """The workflow stands as it was paused; whoever resumes it is told that no worker is there."""
    assert (await act(address, act="pause")).data["said"].startswith("Paused: what runs goes on to its end")
    assert api.get_workflow(1).state == "paused"
    assert (await act(address, act="resume")).data["said"].startswith("Resumed; no worker is there any more")
    assert api.get_workflow(1).state == "started"


async def test_reinitialize_shows_first(act: Get, address: str, api: Api) -> None:
    """A dry run lists what a changed parameter affects and changes nothing; then it is done."""
    api.modify_user_data(2, {"a": 7})
    foreseen = (await act(address, act="reinitialize", dry_run=True)).data
    assert [row["job"] for row in foreseen["rows"]] == [1, 6]
    assert foreseen["rows"][0]["reason"] == "parameter changed"
    assert foreseen["rows"][0]["difference"] == "a: 0 -> 7"
    assert "1 of 6 jobs would be ready again" in foreseen["said"]
    assert "its code counts as unchanged" in foreseen["said"]
    assert foreseen["groups"] == [
        {"map": "run", "reason": "parameter changed", "number": 1},
        {"map": None, "reason": "downstream of these", "number": 1},
    ]
    assert api.get_job(1).status == JobStatus.COMPLETED
    assert len((await act(address, act="reinitialize", dry_run=True, limit=1)).data["rows"]) == 1

    assert "1 of 6 jobs is ready again" in (await act(address, act="reinitialize")).data["said"]
    assert api.get_job(1).status == JobStatus.READY


async def test_run(get: Get, act: Get, address: str, api: Api) -> None:
    """A worker on the server's machine; the workflow's view shows it."""
    api.rerun(1, [JobStatus.FAILED])
    assert "started a worker on this machine" in (await act(address, act="run")).data["said"]
    assert len(pids(api, 1)) == 1
    view = (await get(address)).data
    assert view["workers"] or view["allocations"]["lines"]


async def test_a_cluster_that_is_not_there(act: Get, address: str, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said; no allocation is left behind."""
    monkeypatch.setenv("PATH", "/nowhere")
    refused = await act(address, act="schedule-nodes", nodes=2)
    assert (refused.code, refused.data["error"]["kind"]) == (503, "SlurmUnavailable")
    assert "Go to a login node of the cluster" in refused.data["error"]["message"]
    assert [one.kind for one in api.list_allocations(1) if one.state == "submitted"] == []


async def test_nodes_of_a_cluster(get: Get, act: Get, address: str, api: Api, slurm: SlurmCluster) -> None:
    """Slurm is asked for them, once however often that is said; the workflow's view and its list show them."""
    api.rerun(1, [JobStatus.FAILED])
    assert (await get(address)).data["has_slurm"] is True
    asked = await act(address, act="schedule-nodes", nodes=1)
    assert asked.code == 200, asked.data
    assert "1" in asked.data["said"]
    allocations = (await get(f"{address}/allocations")).data
    assert [one["kind"] for one in allocations["rows"]] == ["slurm", "local"]
    assert allocations["rows"][0]["scheduler_job"].isdigit()
    until(lambda: api.get_job(3).status == JobStatus.FAILED, "the job did not run on the node")


async def test_an_open_panel_tops_up(
    get: Get, address: str, api: Api, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of an allocation that is gone from the queue the next look of the panel's submits another."""
    monkeypatch.setattr(launching, "ASK_AGAIN", 0.0)
    api.rerun(1, [JobStatus.FAILED])
    later = SlurmSchedulerModel(cpus=1, extra={"begin": "now+1hour"})
    api.schedule_nodes(1, 1, until_done=True, scheduler=later)
    first = next(one.scheduler_job for one in api.list_allocations(1) if one.kind == "slurm")
    slurm.run("scancel", str(first))
    deadline = time.monotonic() + 30
    while str(first) in (waiting := slurm.squeue("--states=PENDING", "--format=%A")) or not waiting:
        assert time.monotonic() < deadline, api.list_allocations(1)
        view = (await get(address)).data
    assert [one.state for one in api.list_allocations(1) if one.kind == "slurm"] == ["failed", "submitted"]
    assert "1 allocation until all is done" in str(view["allocations"])


async def test_no_code_of_the_users_is_imported(act: Get, address: str, api: Api) -> None:
    """Neither to compare it nor to run it again."""
    sys.modules.pop("simulation", None)
    for asked in ({"act": "reinitialize", "dry_run": True}, {"act": "reinitialize"}, {"act": "rerun"}):
        assert (await act(address, **asked)).code == 200
    assert "simulation" not in sys.modules


async def test_what_is_in_the_servers_main_is_not_the_notebooks(act: Get, get: Get, api: Api) -> None:
    """A function is called ``main`` in the notebook, as it is in the script that started the server."""
    workflow = api.create_workflow(WorkflowModel(name="mine"))
    main = sys.modules["__main__"]
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec("def torc_main(x):\n    return x", namespace)
    main.torc_main = namespace["torc_main"]  # type: ignore[attr-defined]
    try:
        api.map_function(workflow.id or 0, main.torc_main, [1, 2])  # type: ignore[attr-defined]
        exec("def torc_main(x):\n    return x + 1", namespace)
        main.torc_main = namespace["torc_main"]  # type: ignore[attr-defined]
        database = (await get("databases")).data[0]["id"]
        foreseen = await act(f"databases/{database}/workflows/{workflow.id}", act="reinitialize", dry_run=True)
        assert "torc_main is not defined here, so its code counts as unchanged" in foreseen.data["said"]
    finally:
        del main.torc_main  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"act": "delete"},
        {"act": ["start"]},
        {"act": "start", "dry_run": True},
        {"act": "start", "db": "/etc/passwd"},
        {"act": "rerun", "status": "failed"},
        {"act": "rerun", "status": ["--db=/tmp/other.db"]},
        {"act": "rerun", "jobs": ["--db=/tmp/other.db"]},
        {"act": "rerun", "jobs": [-1]},
        {"act": "rerun", "jobs": [2**70]},
        {"act": "rerun", "jobs": [True]},
        {"act": "schedule-nodes", "nodes": 0},
        {"act": "schedule-nodes", "nodes": "2"},
        {"act": "reinitialize", "dry_run": "no"},
        {"act": "reinitialize", "dry_run": True, "limit": 10**6},
    ],
)
async def test_an_act_that_makes_no_sense_is_refused(
    act: Get, address: str, api: Api, asked: dict[str, object]
) -> None:
    """Before anything is done, with what there is."""
    refused = await act(address, **asked)
    assert (refused.code, refused.data["error"]["kind"]) == (400, "InvalidRequest")
    assert [one.kind for one in api.list_events(1)].count("workflow started") == 1
    assert api.get_job(3).status == JobStatus.FAILED


@pytest.mark.parametrize(
    "body", ["", "start", "[]", '{"act": "start"', "[" * 100_000, "\x00", '"' + "x" * 1_100_000 + '"']
)
async def test_a_body_that_is_no_act_is_refused(get: Get, address: str, body: str) -> None:
    """Whatever it is."""
    refused = await get(f"{address}/actions", method="POST", body=body)
    assert (refused.code, refused.data["error"]["kind"]) == (400, "InvalidRequest")
