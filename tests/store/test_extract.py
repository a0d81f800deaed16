"""One workflow copied into a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from store.scene import Scene, check_counts

from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.store import Database, allocations, environments, extract, jobs, leases, schema, sqlite_file, workflows


def counted(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.read() as connection:
        return {
            table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in schema.metadata.sorted_tables
        }


def column(database: Database, table: Any, name: str) -> list[Any]:
    """What a column holds."""
    with database.read() as connection:
        return list(connection.scalars(select(table.c[name])))


def test_a_snapshot_does_not_see_what_comes_later(database: Database, tmp_path: Path) -> None:
    """All that is read within is of the moment when it began."""
    count = select(func.count()).select_from(schema.workflows)
    with database.snapshot() as connection:
        assert connection.scalar(count) == 0
        workflows.create(database, WorkflowModel(name="later", files=str(tmp_path)))
        assert connection.scalar(count) == 0
    with database.read() as connection:
        assert connection.scalar(count) == 1


def test_rows_travel_with_their_ids(database: Database, scene: Scene, tmp_path: Path) -> None:
    """Those of the workflow, and no others; what is under way stands as it did, and nobody is there."""
    other = Scene(database, tmp_path / "other", "other")
    other.declare(["x", "y"])
    scene.declare(["a", "b", "c"])
    environments.keep(database, scene.id, environments.Environment("/here", {"SITE": "secret"}))
    row = {"workflow_id": scene.id, "kind": "slurm", "state": "running", "submitted": 1.0, "log": "", "message": ""}
    with database.write() as connection:
        connection.execute(schema.allocations.insert().values(row))
    worker = scene.worker()
    first, second, _ = scene.claim(worker)
    scene.complete(worker, [first])
    scene.complete(worker, [second], JobStatus.FAILED)
    path = tmp_path / "copy.db"
    extract.extract(database, scene.id, path)
    assert sqlite_file.is_copy(path)
    assert [one.name for one in tmp_path.glob("copy.db*")] == ["copy.db"]
    copy = Database.open(path)
    check_counts(copy)
    assert {"workflows": 1, "maps": 1, "jobs": 3, "results": 2, "workers": 1}.items() <= counted(copy).items()
    assert [(one.id, one.status) for one in jobs.listed(copy, scene.id)] == [
        (one.id, one.status) for one in jobs.listed(database, scene.id)
    ]
    assert [one.state for one in leases.listed(copy, scene.id)] == ["left"]
    assert [one.state for one in allocations.listed(copy, scene.id)] == ["ended"]
    assert column(copy, schema.environments, "variables") == [{}]
    assert workflows.get(copy, scene.id).files == str(tmp_path)
    copy.close()


def test_a_map_that_is_being_made_does_not_travel(database: Database, scene: Scene, tmp_path: Path) -> None:
    """Nor do its jobs, which nobody sees."""
    outcome = scene.declare(["a"])
    scene.declare(["b"], "half")
    with database.write() as connection:
        connection.execute(schema.maps.update().where(schema.maps.c.name == "half").values(state="building"))
    extract.extract(database, scene.id, tmp_path / "copy.db")
    with database.write() as connection:
        connection.execute(schema.maps.update().where(schema.maps.c.name == "half").values(state="ready"))
    copy = Database.open(tmp_path / "copy.db")
    assert column(copy, schema.jobs, "map_id") == [outcome.map_id]
    check_counts(copy)
    copy.close()
