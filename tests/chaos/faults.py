"""The kinds of faults: whom each meets, what it does, and what it found in flight."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from services.slurm_cluster import SlurmCluster

from chaos.alterations import LEASE
from chaos.processes import WorkerProcess, signalled, workers
from chaos.scene import CLAIM, COMPLETION, NOTHING, ON_ITS_WAY, RUNNING, WAIT_FOR_VICTIM, Scene, chosen
from chaos.schedule import Planned
from torc_nb.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from services.postgres_server import PostgresServer

#: So much earlier than a node's clock, in seconds, Slurm's may say that a walltime has ended.
CLOCKS_DIFFER = 2.0
#: The partition whose jobs take nodes from others.
URGENT_PARTITION = "urgent"

#: Injects a fault of one kind; returns what it hit.
Fault = Callable[[Scene, Planned], str]


def kill_worker(scene: Scene, planned: Planned) -> str:
    """Kill a worker's process at once."""
    with scene.victim(planned) as (worker, hit):
        if worker is not None:
            scene.harm(worker, planned.kind)
            worker.send(signal.SIGKILL)
    return hit


def kill_child(scene: Scene, planned: Planned) -> str:
    """Kill a process that runs jobs: its job fails, and its worker lives on."""
    with scene.victim(planned, lambda worker: worker.children) as (worker, hit):
        if worker is not None:
            scene.harm(worker, planned.kind, ended=time.time())
            signalled(chosen(worker.children, planned), signal.SIGKILL)
    return hit


def kill_nursery(scene: Scene, planned: Planned) -> str:
    """Kill a process that bears children, with which these die; without the root nursery the worker leaves."""
    with scene.victim(planned, lambda worker: worker.root_nursery) as (worker, hit):
        if worker is not None:
            nursery = chosen([*worker.root_nursery, *worker.nurseries], planned)
            scene.harm(worker, planned.kind, ended=float("inf") if nursery in worker.root_nursery else time.time())
            signalled(nursery, signal.SIGKILL)
    return hit


def stop_worker(scene: Scene, planned: Planned) -> str:
    """Stop a worker's process, and continue it; its children run on. Where leases count, for up to three of them."""
    with scene.victim(planned) as (worker, hit):
        began = time.time()
        if worker is not None:
            worker.send(signal.SIGSTOP)
    if worker is not None:
        _pause(scene, (0.5 + 2.5 * planned.lasts) * (LEASE if scene.server else 1.0))
        worker.send(signal.SIGCONT)
        scene.harm(worker, planned.kind, began=began, ended=time.time())
    return hit


def kill_slurmd(scene: Scene, planned: Planned) -> str:
    """Kill a node's daemon, and start it some seconds later; what runs on the node goes on."""
    cluster = _cluster(scene)
    with _a_node(scene, planned) as (node, hit):
        cluster.kill_slurmd(node)
        _pause(scene, 0.5 + 4 * planned.lasts)
        cluster.start_slurmd(node)
    return hit


def down_node(scene: Scene, planned: Planned) -> str:
    """Take a node away: Slurm kills and requeues what runs there; some seconds later it is back."""
    cluster = _cluster(scene)
    with _a_node(scene, planned) as (node, hit), _harming(scene, planned, node):
        cluster.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=chaos")
        _pause(scene, 0.5 + 3 * planned.lasts)
        with suppress(RuntimeError):  # it is back by itself
            cluster.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
    return hit


def preempt(scene: Scene, planned: Planned) -> str:
    """Let a job of a higher partition take a node for some seconds: Slurm kills and requeues what runs there."""
    cluster = _cluster(scene)
    with _a_node(scene, planned) as (node, first), _harming(scene, planned, node):
        hits = {first}
        where = [f"--partition={URGENT_PARTITION}", f"--nodelist={node}", "--exclusive"]
        urgent = cluster.sbatch(*where, script="sleep 60")
        deadline = time.monotonic() + WAIT_FOR_VICTIM
        while cluster.squeue(f"--job={urgent}", "--states=PENDING") and time.monotonic() < deadline:
            hits.add(_on_node(scene, node))  # Slurm takes it up to a second later
            _pause(scene, 0.1)
        _pause(scene, 0.5 + 2 * planned.lasts)
        cluster.run("scancel", urgent)
    return next((hit for hit in (RUNNING, COMPLETION, CLAIM) if hit in hits), NOTHING)


def cancel_allocation(scene: Scene, planned: Planned) -> str:
    """Cancel an allocation, as with scancel on a terminal."""
    return _to_job(scene, planned, lambda job: _cluster(scene).run("scancel", job))


def requeue_allocation(scene: Scene, planned: Planned) -> str:
    """Requeue an allocation, as its user may: its worker is killed and comes again."""
    return _to_job(scene, planned, lambda job: _cluster(scene).run("scontrol", "requeue", job))


def end_walltime(scene: Scene, planned: Planned) -> str:
    """Bring a worker whose walltime is some seconds; when it ends Slurm kills it, unless it has left."""
    if scene.schedule_short is None:
        return NOTHING
    walltime = 4 + 8 * planned.lasts
    name = _patiently(scene, scene.schedule_short, walltime)
    worker = scene.of_allocation(name)
    if worker is None:
        return NOTHING  # the nodes were full: it will come, and its end after it
    _pause(scene, worker.ends - CLOCKS_DIFFER - time.time())
    while (hit := scene.in_flight(worker)) == NOTHING and time.time() < worker.ends and worker.is_alive():
        _pause(scene, 0.05)  # it may be between two jobs
    scene.harm(worker, planned.kind)
    with suppress(RuntimeError):  # it has left in time
        _cluster(scene).run("scancel", name)
    return hit


def crash_server(scene: Scene, planned: Planned) -> str:
    """Kill PostgreSQL at once, and start it some seconds later."""
    server = _server(scene)
    with _database_away(scene, planned) as hit:
        server.crash()
        _pause(scene, 0.2 + 4 * planned.lasts)
        server.bring_up()
    return hit[0]


def pause_server(scene: Scene, planned: Planned) -> str:
    """Stop PostgreSQL where it is, and let it go on some seconds later."""
    server = _server(scene)
    with _database_away(scene, planned) as hit:
        server.pause()
        _pause(scene, 0.5 + 1.2 * planned.lasts * LEASE)
        server.go_on()
    return hit[0]


def lock_file(scene: Scene, planned: Planned) -> str:
    """Hold the lock on an SQLite file for some seconds, from another process."""
    code = (
        f"import sqlite3; c = sqlite3.connect({str(scene.sqlite)!r}, isolation_level=None, timeout=20)\n"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); input()"
    )
    with (
        _database_away(scene, planned) as hit,
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder,
    ):
        assert holder.stdout is not None
        holder.stdout.readline()
        _pause(scene, 0.5 + 4 * planned.lasts)
        holder.kill()
    return hit[0]


def rerun_jobs(scene: Scene, planned: Planned) -> str:
    """Have some jobs run again that have completed."""
    return _edited(scene, planned, scene.editor.rerun)


def cancel_jobs(scene: Scene, planned: Planned) -> str:
    """Cancel some jobs, and have them run after all."""
    return _edited(scene, planned, scene.editor.cancel)


def modify_inputs(scene: Scene, planned: Planned) -> str:
    """Give some jobs other parameters, whether they have begun or not."""
    return _edited(scene, planned, scene.editor.modify)


def reinitialize(scene: Scene, planned: Planned) -> str:
    """Give some jobs other parameters, and have all run again that were changed so far."""
    return _edited(scene, planned, scene.editor.reinitialize)


_ANYWHERE: Mapping[str, Fault] = {
    "worker killed": kill_worker,
    "child killed": kill_child,
    "nursery killed": kill_nursery,
    "worker stopped": stop_worker,
    "jobs rerun": rerun_jobs,
    "jobs canceled": cancel_jobs,
    "inputs modified": modify_inputs,
    "reinitialized": reinitialize,
}
ON_SLURM: Mapping[str, Fault] = {
    **_ANYWHERE,
    "slurmd killed": kill_slurmd,
    "node down": down_node,
    "node preempted": preempt,
    "allocation canceled": cancel_allocation,
    "allocation requeued": requeue_allocation,
    "walltime ended": end_walltime,
    "server crashed": crash_server,
    "server paused": pause_server,
}
ON_SQLITE: Mapping[str, Fault] = {**_ANYWHERE, "file locked": lock_file}


def _patiently(scene: Scene, act: Callable[[float], str], seconds: float) -> str:
    """Ask again while the database is away; what is asked of it is no part of the fault."""
    while True:
        try:
            return act(seconds)
        except DatabaseUnavailable:
            if scene.is_over.wait(0.5):
                raise


def _pause(scene: Scene, seconds: float) -> None:
    """Let a fault last, until all is over at most."""
    scene.is_over.wait(seconds)


def _cluster(scene: Scene) -> SlurmCluster:
    assert scene.cluster is not None
    return scene.cluster


def _server(scene: Scene) -> PostgresServer:
    assert scene.server is not None
    return scene.server


def _edited(scene: Scene, planned: Planned, edit: Callable[[Planned], int]) -> str:
    """Let the user edit while something is under way."""
    with scene.victim(planned):
        pass  # now it is
    return CLAIM if edit(planned) else NOTHING


@contextmanager
def _a_node(scene: Scene, planned: Planned) -> Iterator[tuple[str, str]]:
    """Choose a node that no other fault changes meanwhile, and tell what its workers have in hand."""
    node = _node(scene, planned)
    with scene.nodes[node]:
        yield node, _on_node(scene, node)


@contextmanager
def _harming(scene: Scene, planned: Planned, node: str) -> Iterator[None]:
    """Note that the workers of a node come to harm: those that are there, and who came just before it was gone."""
    _harm_those(scene, planned, lambda worker: worker.node == node)
    yield
    _harm_those(scene, planned, lambda worker: worker.node == node)


def _node(scene: Scene, planned: Planned) -> str:
    """A node, one with a worker if there is one, which no other fault changes now if there is such a one."""
    with scene.victim(planned, lambda worker: worker.node and not scene.nodes[worker.node].locked()) as (worker, _):
        return chosen(sorted(scene.nodes), planned) if worker is None else worker.node


def _on_node(scene: Scene, node: str) -> str:
    hits = [scene.in_flight(worker) for worker in workers(scene.files) if worker.node == node]
    return next((hit for hit in hits if hit != NOTHING), NOTHING)


def _harm_those(scene: Scene, planned: Planned, are_meant: Callable[[WorkerProcess], bool]) -> None:
    for worker in workers(scene.files):
        if are_meant(worker):
            scene.harm(worker, planned.kind)


def _to_job(scene: Scene, planned: Planned, act: Callable[[str], object]) -> str:
    """Do something to the allocation of a worker."""
    with scene.victim(planned, lambda worker: worker.slurm_job) as (worker, hit):
        if worker is None:
            return NOTHING
        scene.harm(worker, planned.kind)
        with suppress(RuntimeError):  # Slurm has just ended it
            act(worker.slurm_job)
    return hit


@contextmanager
def _database_away(scene: Scene, planned: Planned) -> Iterator[list[str]]:
    """Let one fault at a time keep the database away; jobs that end meanwhile are completions that it hits."""
    with scene.database:
        with scene.victim(planned):
            pass  # now there is somebody to be hit
        began = time.time()
        hit = [NOTHING]
        yield hit
        if scene.journal.ended_between(began - ON_ITS_WAY, time.time()):
            hit[0] = COMPLETION
