"""Records of user data, their relations, and long listings."""

from __future__ import annotations

import pytest
from store.scene import COLLECT, Scene

from torc_nb.errors import Conflict, NotFound
from torc_nb.models import JobStatus
from torc_nb.store import user_data


def _create(scene: Scene, name: str = "u", text: str | None = "1", **changes: bool) -> int:
    return user_data.create(scene.database, scene.id, name, text, b"d" * 16, **{"is_ephemeral": False} | changes)


def test_keys_are_nobody_elses(scene: Scene) -> None:
    """A record's key is never that of a job's input or output, whatever comes first."""
    first = _create(scene)
    scene.declare("ab")
    second = _create(scene)
    scene.declare("c", name="other")
    taken = {key for job_id in range(1, 20) for key in (2 * job_id, 2 * job_id + 1) if _has_job(scene, job_id)}
    assert len(taken) == 6
    assert first not in taken
    assert second not in taken
    assert first != second


def _has_job(scene: Scene, job_id: int) -> bool:
    return next(user_data.of_jobs(scene.database, scene.id, job_id=job_id), None) is not None


def test_a_record_is_changed_by_who_saw_it_last(scene: Scene) -> None:
    """Each change counts the revision up; one on an old revision is refused."""
    key = _create(scene)
    assert user_data.change(scene.database, key, 1, data="2") == 2
    with pytest.raises(Conflict, match=f"{key}"):
        user_data.change(scene.database, key, 1, data="3")
    found = user_data.get(scene.database, key)
    assert found is not None
    assert (found.data, found.rev) == ("2", 2)


def test_consumers_and_the_one_that_stores(scene: Scene) -> None:
    """Relations are said once however often; two jobs cannot store one record; deleting forgets them."""
    scene.declare("abc")
    key = _create(scene)
    with scene.database.write() as connection:
        for job_id in (2, 3, 2):
            user_data.relate(connection, job_id, [key], "consumes")
        user_data.relate(connection, 1, [key, key], "stores")
    assert user_data.related(scene.database, key) == {"consumes": [2, 3], "stores": [1]}
    with pytest.raises(Conflict, match="job 1"), scene.database.write() as connection:
        user_data.relate(connection, 2, [key], "stores")
    with pytest.raises(NotFound), scene.database.write() as connection:
        user_data.relate(connection, 2, [9999], "consumes")
    assert [row.id for row in user_data.records(scene.database, scene.id, job_id=3, relation="consumes")] == [key]
    assert list(user_data.records(scene.database, scene.id, job_id=3, relation="stores")) == []
    user_data.remove(scene.database, key)
    assert scene.rows("job_user_data") == 0
    with pytest.raises(NotFound):
        user_data.remove(scene.database, key)


def test_listings_are_read_in_pages(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job once, in order, whatever the size of a page; commands, and jobs being built, are left out."""
    monkeypatch.setattr(user_data, "_PAGE", 4)
    scene.declare(range(8), postprocess_id=COLLECT)
    worker = scene.worker()
    claims = scene.claim(worker, 5)
    scene.complete(worker, claims[:4])
    scene.complete(worker, claims[4:], JobStatus.FAILED)
    keys = [_create(scene, name=str(n)) for n in range(8)]
    found = list(user_data.of_jobs(scene.database, scene.id))
    assert [job.id for job in found] == list(range(1, 10))
    assert [job.value for job in found] == [*(f"result of {n}" for n in range(4)), *[None] * 5]
    assert (found[8].collects, found[8].name) == (found[0].map_id, "postprocess")
    assert [row.id for row in user_data.records(scene.database, scene.id)] == keys
