"""The last worker of an allocation tidies Slurm's queue."""

from __future__ import annotations

import time

from services.slurm_cluster import SlurmCluster

from torc_nb.store import allocations

from .conftest import Site


def test_what_waits_in_the_queue_is_canceled_by_the_last_worker(site: Site, slurm: SlurmCluster) -> None:
    """Nothing is left to do: an allocation that has not started is canceled; one of another workflow is not."""
    held, other = (slurm.run("sbatch", "--parsable", "--hold", "--wrap=sleep 60").strip() for _ in range(2))
    site.map(lambda row: row, range(10))
    (allocation_id,) = allocations.create(site.database, site.id, "slurm", 1)
    assert allocations.launched(site.database, allocation_id, held, "")
    in_slurm = {
        "SLURM_JOB_ID": other, "SLURM_CPUS_ON_NODE": "2", "SLURM_JOB_END_TIME": str(int(time.time()) + 600),
    }  # fmt: skip
    assert site.run(environ=in_slurm) == {"completed": 10}
    left = allocations.get(site.database, allocation_id)
    assert (left.state, left.message) == ("canceled", "nothing was left to do")
    assert slurm.squeue("--format=%A", "--noheader") == [other]


def test_a_slurm_that_refuses_keeps_no_worker(site: Site, slurm: SlurmCluster) -> None:
    """The worker leaves in order all the same."""
    site.map(lambda row: row, range(10))
    (allocation_id,) = allocations.create(site.database, site.id, "slurm", 1)
    assert allocations.launched(site.database, allocation_id, "nonsense", "")
    in_slurm = {
        "SLURM_JOB_ID": "1", "SLURM_CPUS_ON_NODE": "2", "SLURM_JOB_END_TIME": str(int(time.time()) + 600),
    }  # fmt: skip
    process = site.worker(environ=in_slurm)
    assert process.wait(30) == 0
    assert site.statuses() == {"completed": 10}
