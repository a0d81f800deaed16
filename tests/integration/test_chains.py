"""Nodes until done where nodes may not submit, on a real Slurm."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from integration.conftest import begin, ran, until
from services.slurm_cluster import SlurmCluster

from torc_nb.api import make_api
from torc_nb.models import JobStatus


@pytest.mark.timeout(600)
def test_chains_and_no_kernel(slurm: SlurmCluster, tmp_path: Path) -> None:
    """The first worker tells that there is no sbatch; who looks then queues ahead; and nobody looks any more."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("squeue", "scontrol"):
        (tools / name).symlink_to(shutil.which(name) or "")
    said = begin(
        tmp_path,
        "import time\n"
        "wf = Workflow('sweep', files='files', db='sqlite:///alone.db')\n"
        # In each allocation one job ends: the second does not fit into what is left of its minute.
        "wf.map(leave_a_mark, range(4), [25.0] * 4, runtime='40s')\n"
        f"wf.schedule_nodes(2, until_done=True, cpus=1, walltime='1min', setup=['export PATH={tools}'])\n"
        "def running():\n"
        "    return sum(n for status, n in wf.api.progress(1).statuses.items() if status.label == 'running')\n"
        "while wf.api.get_campaign(1).nodes_refused is None or running() < 2:\n"
        "    time.sleep(0.1)\n"
        "print(wf.status().campaign)\n",
    )
    assert "submitted 2 allocation(s)" in said
    assert "its nodes may not submit (there is no sbatch in PATH on n" in said
    assert "queued ahead: 4 allocations in 2 chains" in said
    until(
        lambda: sorted(slurm.squeue("--array", "--states=PENDING", "--format=%j %r"))
        == ["torc-1-1 Dependency", "torc-1-2 Dependency"]
    )
    until(lambda: len(ran(tmp_path)) == 4, 400)
    # One that is not needed begins, finds nothing to do and leaves.
    until(lambda: slurm.squeue("--states=PENDING,RUNNING") == [], 100)
    api = make_api(f"sqlite:///{tmp_path / 'alone.db'}")
    try:
        assert api.status(1).is_done
        assert api.progress(1).statuses == {JobStatus.COMPLETED: 4}
        assert Counter(ran(tmp_path)) == Counter("0123")
        workers = sorted((one.started or 0.0, one.last_seen or 0.0) for one in api.list_workers(1))
        assert len(workers) == 4
        assert max(end for _, end in workers[:2]) <= min(start for start, _ in workers[2:]) + 1
        found = api.get_campaign(1)
        assert found is not None
        assert (found.state, found.message) == ("done", "all jobs have finished")
    finally:
        api.database.close()
