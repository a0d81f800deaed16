"""Records of files."""

from __future__ import annotations

import pytest
from store.scene import Scene

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import FileModel
from torc_nb.store import files


def _keep(scene: Scene, path: str, **changes: object) -> int:
    with scene.database.write() as connection:
        return files.keep(connection, FileModel(workflow_id=scene.id, path=path, **changes))  # type: ignore[arg-type]


def test_a_path_is_kept_once(scene: Scene) -> None:
    """Saying it again renews what is known of it."""
    first = _keep(scene, "/data/é.csv", name="é")
    assert _keep(scene, "/data/é.csv", name="new", mtime=5.5, size=2**40) == first
    assert _keep(scene, "/data/b.csv") != first
    kept = files.get(scene.database, first)
    assert (kept.name, kept.mtime, kept.size) == ("new", 5.5, 2**40)
    with scene.database.write() as connection:
        files.note_state(connection, first, None, None)
    assert files.get(scene.database, first).mtime is None


def test_needs_and_produces(scene: Scene) -> None:
    """Many may need a file, one produces it; forgetting a file forgets both."""
    scene.declare("abc")
    file_id = _keep(scene, "/data/a")
    with scene.database.write() as connection:
        files.relate(connection, 1, [file_id], "produces")
        files.relate(connection, 2, [file_id, file_id], "needs")
        files.relate(connection, 3, [file_id], "needs")
    with pytest.raises(Conflict, match="/data/a is produced by job 1"), scene.database.write() as connection:
        files.relate(connection, 2, [file_id], "produces")
    assert [file.id for file in files.listed(scene.database, scene.id, job_id=2, relation="needs")] == [file_id]
    assert files.listed(scene.database, scene.id, job_id=2, relation="produces") == []
    files.remove(scene.database, file_id)
    assert scene.rows("job_files") == 0
    with pytest.raises(NotFound, match="files list"):
        files.get(scene.database, file_id)
