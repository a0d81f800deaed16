"""Where Slurm keeps account and enforces limits: what is planned is submitted, waits at one, and is queued again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.conftest import until
from integration.works import lines, wait_for_it
from services.slurm_accounting import AccountingCluster

from torc_nb.api import Api, launching
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow


@pytest.fixture
def wf(
    api: Api, accounting: AccountingCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workflow]:
    """A workflow on that site."""
    monkeypatch.setattr(launching, "ASK_AGAIN", 0.5)
    opened = Workflow("sweep", files=tmp_path / "files")
    yield opened
    accounting.clear()
    opened.api.database.close()


def test_it_is_planned_waits_and_goes_on(wf: Workflow, accounting: AccountingCluster, tmp_path: Path) -> None:
    """The best choice is taken; why tells of the limit; queued again, the jobs are warned, go back, and end once."""
    m = wf.map(wait_for_it, range(2), num_cpus=2, memory="1g", runtime="1min")
    plan = wf.plan_nodes(walltime="2min")
    best = plan[plan["best"]].iloc[0]
    assert (best["jobs_per_node"], best["nodes"], best["rounds"]) == (2, 1, 1)
    accounting.limit(MaxJobs=0)
    wf.schedule_nodes(walltime="2min")
    (allocation,) = wf.api.list_allocations(wf.id)
    until(lambda: "a limit of your account or QOS is reached" in wf.why().text)
    accounting.limit(MaxJobs=-1)
    until(lambda: len(lines(tmp_path, "begun")) == 2, 60)
    accounting.run("scontrol", "requeue", str(allocation.scheduler_job))
    until(lambda: len(lines(tmp_path, "begun")) == 4, 60)
    (tmp_path / "go").touch()
    wf.wait(timeout=30, progress=False)
    assert wf.api.progress(wf.id).statuses == {JobStatus.COMPLETED: 2}
    assert Counter(lines(tmp_path, "ended")) == {"0": 1, "1": 1}
    assert Counter(lines(tmp_path, "warned")) == {"0": 1, "1": 1}
    assert list(m) == [0, 1]
    assert [one.scheduler_job for one in wf.api.list_allocations(wf.id)] == [allocation.scheduler_job]
