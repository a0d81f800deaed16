"""Where a workflow runs while faults come: on a private Slurm with PostgreSQL, or here on SQLite."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from services.keeper import Keeper
from services.place import settle
from services.slurm_cluster import SlurmCluster
from services.workers import SEARCH_PATH

from chaos import work
from chaos.alterations import BUGS, MANY_MACHINES, TIMES, Alterations, altered, merged, write
from chaos.edits import Editor
from chaos.faults import ON_SLURM, ON_SQLITE, URGENT_PARTITION, Fault
from chaos.journal import Journal
from chaos.scene import Scene
from torc_nb.api import Api, make_api
from torc_nb.models import JobStatus, ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel

#: How many workers there are to be, of how many CPUs; more nodes are there for what has to come at once.
WORKERS, CPUS, MORE_NODES = 3, 2, 2
#: How long a worker without work stays, in seconds.
IDLE = 3.0
#: A partition whose jobs take the nodes from ours, which are requeued.
URGENT = (
    "PreemptType=preempt/partition_prio",
    "PreemptMode=REQUEUE",
    f"PartitionName={URGENT_PARTITION} Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP",
)
#: What a job asks for in MiB, so that a node has room for one on each CPU.
MEMORY = 200


@dataclass
class Site:
    """A workflow, what brings its workers, and the faults that can come."""

    api: Api
    workflow_id: int
    scene: Scene
    kinds: Mapping[str, Fault]
    bring_workers: Callable[[], None]

    def map_more(self, name: str, first: int, seconds: list[float]) -> None:
        """Map further rows, from ``first`` on; said twice it is done once."""
        rows = [{"row": first + n, "seconds": one, "shift": 0} for n, one in enumerate(seconds)]
        asked = ResourceRequirementsModel(workflow_id=self.workflow_id, memory=f"{MEMORY}m")
        self.api.map_function(self.workflow_id, work.run, rows, name=name, requirement=asked)


@contextmanager
def on_slurm(folder: Path, bug: str | None = None) -> Iterator[Site]:
    """A workflow in a PostgreSQL database, with workers on the nodes of a private Slurm."""
    from services.postgres_server import PostgresServer

    with (
        PostgresServer(durable=True) as server,  # a crash must not cost what was committed
        SlurmCluster(nodes=WORKERS + MORE_NODES, cpus=CPUS, extra=URGENT) as cluster,
        _place(folder, merged(TIMES, MANY_MACHINES, BUGS.get(bug or "", {}))) as patch,
    ):
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        site = _site(folder, server.create_database())
        site.kinds = ON_SLURM
        site.scene.cluster, site.scene.server = cluster, server
        site.scene.nodes = {node: threading.Lock() for node in cluster.nodes}
        site.scene.schedule_short = lambda walltime: _schedule_short(site, walltime)
        site.bring_workers = lambda: _schedule(site)
        yield site
        site.api.database.close()


@contextmanager
def on_sqlite(folder: Path, bug: str | None = None) -> Iterator[Site]:
    """A workflow in an SQLite file, with workers on this machine."""
    with _place(folder, merged(TIMES, BUGS.get(bug or "", {}))):
        site = _site(folder, f"sqlite:///{folder / 'torc.db'}")
        site.kinds = ON_SQLITE
        site.scene.sqlite = folder / "torc.db"
        site.bring_workers = lambda: _run_here(site)
        yield site
        site.api.database.close()


SITES = {"postgresql": on_slurm, "sqlite": on_sqlite}


@contextmanager
def _place(folder: Path, alterations: Alterations) -> Iterator[pytest.MonkeyPatch]:
    """Work in a folder, with modules altered here and in the workers; no process that knows the folder outlives it."""
    write(folder / "altered", alterations)
    keeper = Keeper(folder)
    try:
        with pytest.MonkeyPatch.context() as patch, altered(alterations):
            settle(folder, patch)
            patch.setenv("PYTHONPATH", os.pathsep.join([str(folder / "altered"), SEARCH_PATH]))
            yield patch
    finally:
        keeper.clean()


def _site(folder: Path, url: str) -> Site:
    api = make_api(url)
    files = folder / "files"
    workflow_id = api.create_workflow(WorkflowModel(name="chaos", files=str(files))).id or 0
    scene = Scene(
        files, Journal(folder / work.LOG), lambda pid: _claimed(api, workflow_id, pid), Editor(api, workflow_id)
    )
    return Site(api, workflow_id, scene, {}, lambda: None)


def _claimed(api: Api, workflow_id: int, pid: int) -> int:
    """How many jobs a worker holds that it has not begun."""
    ids = {worker.id for worker in api.list_workers(workflow_id) if worker.pid == pid}
    return sum(job.worker_id in ids for job in api.list_jobs(workflow_id, statuses=[JobStatus.PENDING]))


def _schedule(site: Site) -> None:
    site.api.schedule_nodes(site.workflow_id, WORKERS, scheduler=SlurmSchedulerModel(), idle_timeout=IDLE)


def _schedule_short(site: Site, walltime: float) -> str:
    """Ask for one more allocation, whose worker takes it for that short; returns its name in Slurm.

    Slurm's own shortest is a minute.
    """
    now = "$(date +%s)"
    line = f"export SLURM_JOB_START_TIME={now} SLURM_JOB_END_TIME=$(({now} + {walltime:.0f}))"
    scheduler = SlurmSchedulerModel(name="short", setup=[line])
    brought = site.api.schedule_nodes(site.workflow_id, 1, scheduler=scheduler, idle_timeout=IDLE, more=True)
    return brought.message.rpartition(" ")[2]


def _run_here(site: Site) -> None:
    there = site.api.run(site.workflow_id, num_cpus=CPUS, idle_timeout=IDLE)
    for _ in range(there.alive + there.started, WORKERS):
        site.api.run(site.workflow_id, num_cpus=CPUS, idle_timeout=IDLE, more=True)
