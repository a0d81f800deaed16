"""A few jobs run first on a real Slurm, and the others on the nodes that are planned by them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from services.slurm_cluster import SlurmCluster

from torc_nb.api import Api, launching
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow


@pytest.fixture
def wf(api: Api, slurm: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflow]:
    """A workflow on a Slurm that is asked often; its allocations are cancelled before the database goes."""
    monkeypatch.setattr(launching, "ASK_AGAIN", 0.5)
    opened = Workflow("sweep", files=tmp_path / "files")
    yield opened
    slurm.clear()
    opened.api.database.close()


def take(x: int) -> int:
    """Take a moment."""
    time.sleep(0.2)
    return x


def test_the_best_of_what_a_few_took(wf: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    """One allocation with the walltime that was given runs them and ends; then so many as are best run the others."""
    m = wf.map(take, range(40), memory="100m")
    wf.schedule_nodes(canary=5, walltime="5min")
    said = capsys.readouterr().out
    assert "5 jobs first: submitted 1 allocation(s) to Slurm" in said
    assert "planned 1 node of partition main: 4 jobs at a time" in said
    assert "take: runtime 0." in said
    assert "observed, 5 jobs" in said
    first, *others = wf.api.list_allocations(wf.id)
    assert len(others) == 1
    wf.wait(timeout=60, progress=False)
    assert set(wf.api.progress(wf.id).statuses) == {JobStatus.COMPLETED}
    of_first = [one.id for one in wf.api.list_workers(wf.id) if one.allocation_id == first.id]
    ran = {one.job_id for one in wf.api.list_results(wf.id) if one.worker_id in of_first}
    assert [row for row, job_id in enumerate(wf.api.map_job_ids(m.id)) if job_id in ran] == [0, 9, 19, 29, 39]
