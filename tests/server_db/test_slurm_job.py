"""A server kept by a small Slurm job: it renews itself, comes back when it is killed, and there are never two."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from services.keeper import Keeper
from services.slurm_cluster import SlurmCluster

from .conftest import Study
from .test_keeping import BEGUN, finished, is_there_once

#: PostgreSQL refuses root, and Slurm wants a user that the machine knows.
AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"] if os.geteuid() == 0 else []
ON_SLURM = ("db", "start", "--on", "slurm", "--backups", "none", "--mem", "1g", "--extra", "cpus-per-task=1")


@pytest.fixture(scope="module")
def cluster(needs_slurm: None) -> Iterator[SlurmCluster]:
    """A cluster of the user who runs the server."""
    with SlurmCluster(nodes=2, as_user=AS_NOBODY, user="nobody" if AS_NOBODY else "") as made:
        yield made


@pytest.fixture
def site(cluster: SlurmCluster) -> Iterator[Study]:
    """A folder of hers, on that cluster."""
    folder = Path(tempfile.mkdtemp(prefix="torc-nb-site-"))
    keeper = Keeper(folder)
    yield Study(folder, AS_NOBODY, **cluster.environment)
    cluster.clear()
    keeper.clean()


@pytest.fixture
def running(site: Study) -> Study:
    """One with a server."""
    site.torc(*ON_SLURM)
    return site


def jobs(cluster: SlurmCluster) -> list[str]:
    """The ids of the server's jobs that wait or run."""
    return cluster.squeue("--name=torc-db", "--states=PENDING,RUNNING", "--format=%A")


def test_a_job_keeps_the_server(running: Study, cluster: SlurmCluster) -> None:
    """It runs in a job of one CPU, says in which, and stops on request, with the job."""
    (job,) = jobs(cluster)
    standing = running.facts("db", "status")
    assert (standing["state"], standing["slurm_job"]) == ("running", job)
    assert job in running.torc("db", "status")
    assert str(running.servers()[0].ppid()) == str(running.lease()["pid"])
    running.python("ROWS = 50" + BEGUN)
    finished(running, 50)
    running.torc("db", "start")  # as before, without saying so again
    assert jobs(cluster) == [job]
    running.python("from torc_nb import Workflow; Workflow('sweep').cancel()")
    running.torc("db", "stop")
    assert running.servers() == []
    running.until(lambda: jobs(cluster) == [])
    assert running.facts("db", "status")["state"] == "stopped"


@pytest.mark.parametrize("fault", ["killed", "cancelled"])
def test_a_job_that_is_gone_is_submitted_again(running: Study, cluster: SlurmCluster, fault: str) -> None:
    """By the worker, alone with its jobs, once Slurm says that nothing of the job runs any more."""
    running.python("ROWS = 300" + BEGUN)
    running.until((running.folder / "ran").exists)
    (before,) = jobs(cluster)
    if fault == "killed":
        for process in (running.keeper(), *running.servers()):
            process.kill()
    else:
        cluster.run("scancel", before)
    running.until(lambda: running.lease()["term"] == 2 and running.lease()["state"] == "running", 80)
    (after,) = jobs(cluster)
    assert after == running.lease()["slurm_job"] != before
    finished(running, 300)
    is_there_once(running)


def test_it_renews_itself(site: Study, cluster: SlurmCluster) -> None:
    """At half of its walltime the next job takes the server over while jobs run; none is lost, none is run twice."""
    site.torc(*ON_SLURM, "--walltime", "1min")
    (first,) = jobs(cluster)
    site.python("ROWS = 900" + BEGUN)
    most = 0
    deadline = time.monotonic() + 70
    while site.lease()["slurm_job"] == first or site.lease()["state"] != "running":
        most = max(most, len(site.servers()))
        assert time.monotonic() < deadline, site.lease()
        time.sleep(0.02)
    assert most == 1
    finished(site, 900)
    is_there_once(site)
    assert jobs(cluster) == [site.lease()["slurm_job"]]


def test_one_that_does_nothing_is_ended_by_slurm(running: Study, cluster: SlurmCluster) -> None:
    """A keeper of another machine whose counter stands still: Slurm is asked to end it, and its word is the fence."""
    keeper = running.keeper()
    keeper.suspend()
    (running.server / "lease.json").write_text(json.dumps(running.lease() | {"boot_id": "another"}))
    (before,) = jobs(cluster)
    running.torc("db", "start")
    assert not keeper.is_running() or keeper.status() == psutil.STATUS_ZOMBIE
    assert before not in jobs(cluster)
    is_there_once(running)


def test_a_job_that_waits(site: Study, cluster: SlurmCluster) -> None:
    """She is told why, not left waiting; it begins by itself; and one that is not wanted any more leaves the queue."""
    filling = cluster.sbatch("--nodes=2", "--exclusive", script="sleep 600")
    said = site.torc(*ON_SLURM, code=1)
    assert "waits in the queue (" in said
    standing = site.facts("db", "status")
    assert standing["state"] == "waiting"
    assert jobs(cluster) == [standing["slurm_job"]]
    assert "waits in the queue (" in site.torc("workflows", "list", code=1)
    site.torc("db", "stop")
    assert jobs(cluster) == []
    site.torc(*ON_SLURM, code=1)
    (job,) = jobs(cluster)
    cluster.run("scancel", filling)
    site.until(lambda: site.facts("db", "status")["state"] == "running")
    assert site.lease()["slurm_job"] == job
    is_there_once(site)


def test_from_here_to_a_job_and_back(site: Study, cluster: SlurmCluster) -> None:
    """Each hands the server over to the other, while jobs run."""
    site.torc("db", "start", "--backups", "none")
    site.python("ROWS = 500" + BEGUN)
    site.until((site.folder / "ran").exists)
    assert "in Slurm job" in site.torc(*ON_SLURM)
    is_there_once(site)
    assert site.lease()["slurm_job"] in jobs(cluster)
    assert "in Slurm job" not in site.torc("db", "start", "--on", "host")
    site.until(lambda: jobs(cluster) == [])
    finished(site, 500)
    is_there_once(site)


def test_a_job_that_slurm_refuses(site: Study, cluster: SlurmCluster) -> None:
    """The server stays as it is, and is asked for as before."""
    site.torc("db", "start", "--backups", "none")
    said = site.torc(*ON_SLURM, "--partition", "nonesuch", code=1)
    assert "sbatch refused" in said
    assert "nonesuch" not in (site.server / "settings.json").read_text()
    is_there_once(site)
    assert "say --on slurm as well." in site.torc("db", "start", "--mem", "1g", code=2)


def test_a_job_in_which_it_cannot_run(site: Study) -> None:
    """The end of its log is shown."""
    site.torc("db", "start", "--backups", "none")
    site.torc("db", "stop")
    shutil.move(site.server / "data" / "global", site.server / "global")
    said = site.torc(*ON_SLURM, code=1)
    assert "its log says:" in said
