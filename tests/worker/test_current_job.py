"""What a job knows of itself, and the folders that it may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import torc_nb
from torc_nb.errors import NotInJob
from torc_nb.models import JobStatus
from torc_nb.store import resetting
from torc_nb.worker.folders import outdir_of

from .conftest import Site


def told(row: int) -> dict[str, Any]:
    """Say all that it knows."""
    from torc_nb import current_job

    job = current_job()
    return {
        "row": row, "id": job.id, "name": job.name, "attempt": job.attempt, "cpus": job.num_cpus,
        "memory": job.memory, "remaining": job.remaining, "workflow": job.workflow_id, "repr": repr(job),
    }  # fmt: skip


def writes(row: int) -> str:
    """Leave something in both folders; fail or die where a file says so."""
    import os

    from torc_nb import current_job

    job = current_job()
    (job.scratch / "big").write_text("x")
    assert job.scratch == current_job().scratch
    (job.outdir / f"attempt-{job.attempt}").write_text(str(row))
    if Path("fail").exists():
        raise ValueError(row)
    if Path("die").exists():
        os.kill(os.getpid(), 9)
    return str(job.scratch)


def keeps(row: int) -> str:
    """Hold on to the first job's handle."""
    import builtins

    from torc_nb import current_job

    if row == 0:
        builtins.kept = current_job()  # type: ignore[attr-defined]
        return ""
    try:
        return str(builtins.kept.scratch)  # type: ignore[attr-defined]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def test_a_job_knows_itself(site: Site) -> None:
    """Each of those that one child runs: its own id, name and attempt, and what it was given."""
    map_id = site.map(told, range(3), num_cpus=1, memory="100m", timeout="1h")
    assert site.run(num_cpus=1) == {"completed": 3}
    found = site.values(map_id)
    ids = [job.id for job in site.jobs()]
    assert [one["id"] for one in found] == ids
    assert [one["name"] for one in found] == ["0", "1", "2"]
    assert {(one["attempt"], one["cpus"], one["memory"], one["workflow"]) for one in found} == {
        (1, 1, 100 * 2**20, site.id)
    }
    assert all(3500 < one["remaining"] <= 3600 for one in found)
    assert found[0]["repr"] == f"CurrentJob(id={ids[0]}, name='0', attempt=1)"


def test_without_a_limit_nothing_remains_to_be_told(site: Site) -> None:
    """None, where neither a timeout nor an allocation ends."""
    map_id = site.map(told, [0])
    assert site.run(num_cpus=1) == {"completed": 1}
    assert site.values(map_id)[0]["remaining"] is None


def test_outside_of_a_job(tmp_path: Path) -> None:
    """A clear error, and nothing is made."""
    with pytest.raises(NotInJob, match="No job runs in this process"):
        torc_nb.current_job()


def test_a_handle_does_not_outlive_its_job(site: Site) -> None:
    """Another job's folders are not the kept handle's."""
    map_id = site.map(keeps, [0, 1])
    assert site.run(num_cpus=1) == {"completed": 2}
    assert site.values(map_id)[1].startswith("NotInJob: Job ")


def test_folders_of_attempts(site: Site) -> None:
    """A failed attempt's output is kept aside, a dead one's too; the last good one's stands; scratch is gone."""
    map_id = site.map(writes, [7])
    (job,) = site.jobs()
    final = outdir_of(site.files, job.id)
    failed = final.with_name(f"{job.id}.failed")
    scratches: list[str] = []

    def attempt(obstacle: str = "") -> None:
        if obstacle:
            (site.here / obstacle).touch()
        site.run(num_cpus=1)
        if obstacle:
            (site.here / obstacle).unlink()
            site.until(failed.exists)
        scratches.extend(value for value in site.values(map_id) if value)
        resetting.rerun(site.database, site.id, [JobStatus.COMPLETED, JobStatus.FAILED], [job.id])

    attempt("fail")
    assert not final.exists()
    assert [one.name for one in failed.iterdir()] == ["attempt-1"]
    attempt()
    assert len(scratches) == 1
    assert not Path(scratches[0]).exists()
    assert [one.name for one in final.iterdir()] == ["attempt-2"]
    assert not failed.exists()
    attempt("die")
    assert [one.name for one in final.iterdir()] == ["attempt-2"]
    assert [one.name for one in failed.iterdir()] == ["attempt-3"]
    attempt()
    assert [one.name for one in final.iterdir()] == ["attempt-4"]
    assert [one.name for one in final.parent.iterdir()] == [str(job.id)]


def test_nothing_is_made_unless_asked_for(site: Site) -> None:
    """No folder on either side for jobs that do not ask."""
    site.map(told, range(5))
    assert site.run(num_cpus=1) == {"completed": 5}
    assert not (site.files / "out").exists()
