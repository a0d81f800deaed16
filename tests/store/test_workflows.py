"""Workflows: made, found, moved from state to state, removed without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert
from store.scene import COLLECT, Scene

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import CampaignModel, JobStatus, SlurmSchedulerModel, WorkflowModel
from torc_nb.store import (
    Database,
    allocations,
    blockers,
    campaigns,
    dependencies,
    environments,
    exclusions,
    jobs,
    leases,
    notifications,
    schedulers,
    schema,
    workflows,
)


def test_a_new_workflow_has_a_private_folder(database: Database, tmp_path: Path) -> None:
    """Its folder lies below the one given, or beside an SQLite file; a server needs one."""
    made = workflows.create(database, WorkflowModel(name="ü", user="ada", files=str(tmp_path / "shared")))
    assert Path(made.files) == tmp_path / "shared" / str(made.id)
    assert Path(made.files).stat().st_mode & 0o777 == 0o700
    assert (made.name, made.user, made.state, made.run_id) == ("ü", "ada", "created", 1)
    if database.is_sqlite:
        assert workflows.create(database, WorkflowModel(name="x")).files == str(tmp_path / "files" / "2")
    else:
        with pytest.raises(InvalidRequest, match="files="):
            workflows.create(database, WorkflowModel(name="x"))


def test_workflows_are_found_by_name_and_user(database: Database, tmp_path: Path) -> None:
    """Names may repeat; the list is oldest first."""
    for name, user in [("a", "ada"), ("b", "ada"), ("a", "bob"), ("a", "ada")]:
        workflows.create(database, WorkflowModel(name=name, user=user, files=str(tmp_path)))
    assert [found.id for found in workflows.listed(database)] == [1, 2, 3, 4]
    assert [found.id for found in workflows.listed(database, "a", "ada")] == [1, 4]
    with pytest.raises(NotFound, match="%torc workflows list"):
        workflows.get(database, 99)


def test_a_state_is_entered_once(scene: Scene) -> None:
    """Starting what was started says that nothing changed, and writes no second event."""
    events = scene.rows("events")
    assert not workflows.set_state(scene.database, scene.id, "started")
    assert workflows.set_state(scene.database, scene.id, "canceled")
    assert scene.rows("events") == events + 1


def _fill(scene: Scene) -> None:
    """Let a workflow have rows in every table."""
    first = scene.declare("abc", postprocess_id=COLLECT)
    second = scene.declare("de", name="n", blocked_by_maps=(first.map_id,))
    environments.keep(scene.database, scene.id, environments.Environment("/", {"A": "1"}))
    schedulers.keep(scene.database, SlurmSchedulerModel(workflow_id=scene.id))
    campaigns.wish(scene.database, CampaignModel(workflow_id=scene.id, n=1, scheduler=SlurmSchedulerModel()))
    exclusions.add(scene.database, scene.id, "n1", "")
    notifications.keep(scene.database, scene.id, "true", ["stuck"])
    (allocation_id,) = allocations.create(scene.database, scene.id, "local", 1)
    worker = scene.worker(allocation_id=allocation_id)
    found = scene.claim(worker, 2)
    scene.complete(worker, found[:1], files=[("/left", 0.0, 1)])
    jobs.cancel(scene.database, scene.id, [found[1].job_id])
    other = {"workflow_id": scene.id, "name": "x"}
    with scene.database.write() as connection:
        for table, values in {
            "functions": {
                **other, "version": 1, "created": 0.0, "digest": b"", "payload": b"", "python": "3.11", "source": "",
                "details": {},
            },
            "user_data": {**other, "id": scene.id, "rev": 1, "is_ephemeral": False},
            "job_user_data": {"job_id": found[0].job_id, "user_data_id": scene.id, "relation": "consumes"},
            "files": {**other, "path": "x"},
            "job_files": {"job_id": found[0].job_id, "file_id": scene.id, "relation": "needs"},
            "tellings": {
                "notification_id": notifications.listed(scene.database, scene.id)[0].id, "event": "stuck", "run_id": 1,
                "finished": 0, "claimed": 0.0,
            },
        }.items():  # fmt: skip
            connection.execute(insert(schema.metadata.tables[table]).values(values))
        dependencies.after_jobs(connection, found[1].job_id, [found[0].job_id])
        blockers.keep(connection, second.map_id, [found[0].job_id])


def test_a_removed_workflow_leaves_no_row(scene: Scene, tmp_path: Path) -> None:
    """Of two workflows that fill every table one is removed: the other's rows are all that is left."""
    shared = {"sequences", "module_sources"}
    _fill(scene)
    per_workflow = {name: scene.rows(name) for name in schema.metadata.tables if name not in shared}
    assert {name for name, n in per_workflow.items() if not n} == set(), "the test fills every table"
    other = Scene(scene.database, tmp_path / "files", "other")
    _fill(other)
    assert workflows.remove(scene.database, scene.id).name == "scene"
    assert {name: scene.rows(name) for name in per_workflow} == per_workflow
    assert leases.listed(scene.database, scene.id) == []
    workflows.remove(other.database, other.id)
    assert {name: scene.rows(name) for name in per_workflow} == dict.fromkeys(per_workflow, 0)
    with pytest.raises(NotFound):
        workflows.remove(other.database, other.id)


def test_removing_in_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a piece go all the same."""
    monkeypatch.setattr(workflows, "PIECE", 7)
    scene.declare(range(30))
    scene.run_all(scene.worker())
    workflows.remove(scene.database, scene.id)
    assert (scene.rows("jobs"), scene.rows("results"), scene.rows("job_counts")) == (0, 0, 0)


@pytest.mark.parametrize("status", list(JobStatus))
def test_only_waiting_jobs_are_shown_as_another_status(status: JobStatus) -> None:
    """Ready and blocked jobs are shown as what holds them; all others as they stand."""
    waits = status in (JobStatus.READY, JobStatus.BLOCKED)
    shown = workflows.shown_status
    assert shown(status, started=False, blocked=True) is (JobStatus.UNINITIALIZED if waits else status)
    assert shown(status, started=True, blocked=True) is (JobStatus.BLOCKED if waits else status)
    assert shown(status, started=True, blocked=False) is status
