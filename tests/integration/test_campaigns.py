"""Nodes until done, on a real Slurm that keeps account and enforces limits."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from integration.conftest import begin, ran, until
from services.slurm_accounting import AccountingCluster

from torc_nb.api import Api, make_api
from torc_nb.models import JobStatus


def no_kernel(folder: Path, cluster: AccountingCluster, allocations: int, limit: int, seconds: float) -> Api:
    """Have a workflow take so many allocations of a minute, while nobody but its workers is there."""
    cluster.limit(MaxSubmitJobs=limit)
    said = begin(
        folder,
        "wf = Workflow('sweep', files='files', db='sqlite:///alone.db')\n"
        # In each allocation one job ends: the second does not fit into what is left of its minute.
        f"wf.map(leave_a_mark, range({allocations}), [25.0] * {allocations}, runtime='40s')\n"
        f"wf.schedule_nodes({allocations}, until_done=True, cpus=1, walltime='1min')\n",
    )
    assert f"submitted {limit} allocation(s)" in said
    assert "MaxSubmitJob" in said
    # The database is not opened here before all is done: who looks at it tops up.
    until(lambda: len(ran(folder)) >= allocations, seconds)
    return make_api(f"sqlite:///{folder / 'alone.db'}")


def goes_through(cluster: AccountingCluster, folder: Path, allocations: int, limit: int, seconds: float) -> None:
    """Every job runs once, in an allocation of its own; the last worker ends the campaign."""
    api = no_kernel(folder, cluster, allocations, limit, seconds)
    try:
        until(lambda: api.status(1).is_done)
        assert api.progress(1).statuses == {JobStatus.COMPLETED: allocations}
        assert Counter(ran(folder)) == Counter(str(row) for row in range(allocations))
        assert len(api.list_workers(1)) == allocations
        # At the limit an allocation is queued again by its own worker; one that ended leaves room for another.
        assert limit <= len(api.list_allocations(1)) < allocations
        found = api.get_campaign(1)
        assert found is not None
        assert (found.state, found.message) == ("done", "all jobs have finished")
        assert found.nodes_refused == ""  # its first worker tried
    finally:
        cluster.clear()
        api.database.close()


@pytest.mark.timeout(600)
def test_a_limit_of_submissions_and_no_kernel(accounting: AccountingCluster, tmp_path: Path) -> None:
    """Workers see to it that others come after them, in a queue that takes two jobs of theirs."""
    goes_through(accounting, tmp_path, 4, 2, 400)


@pytest.mark.skipif("TORC_NB_LONG_TESTS" not in os.environ, reason="it takes ten minutes: TORC_NB_LONG_TESTS=1")
@pytest.mark.timeout(3000)
def test_twenty_allocations_and_no_kernel(accounting: AccountingCluster, tmp_path: Path) -> None:
    """The same with twenty of a minute each, where three may be submitted."""
    goes_through(accounting, tmp_path, 20, 3, 2400)
