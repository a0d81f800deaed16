"""How many nodes to ask for: the workflow's jobs that are left, against the nodes that Slurm has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torc_nb import slurm
from torc_nb.api import rooms
from torc_nb.errors import InvalidRequest
from torc_nb.launch.planning import Demand, NodeChoice, Shape, best_of, choices_of
from torc_nb.models import Room, SlurmSchedulerModel, misfit
from torc_nb.models.quantities import counted, format_duration
from torc_nb.store import Database, demand

__all__ = ["NodeChoice", "NodePlan", "chosen", "plan"]


@dataclass(frozen=True)
class NodePlan:
    """What there is to choose from.

    Attributes
    ----------
    choices : list of NodeChoice
        For each kind of node, from few nodes to many.
    best : NodeChoice or None
        The one that ``schedule-nodes`` takes where no number is given; None where no run time is known.
    scheduler : SlurmSchedulerModel
        How the nodes of ``best`` are asked for.
    notes : list of str
        What to know besides, for instance which jobs fit no node.
    """

    choices: list[NodeChoice]
    best: NodeChoice | None
    scheduler: SlurmSchedulerModel
    notes: list[str]


def plan(database: Database, workflow_id: int, scheduler: SlurmSchedulerModel) -> NodePlan:
    """Compare the nodes that a scheduler may have.

    Raises
    ------
    InvalidRequest
        No job is left, or no partition of that name is up.
    SlurmUnavailable
        There is no Slurm here, or it does not answer.
    """
    left = [Demand(*one) for one in demand.left(database, workflow_id)]
    if not left:
        raise InvalidRequest("There is nothing to plan: no job is left to run. `wf.map(…)` adds some.")
    partitions = [one for one in slurm.partitions() if one.is_up]
    shapes = _shapes(scheduler, partitions)
    factor = 1.0 if scheduler.charge is None else scheduler.charge
    choices = [one for shape in shapes for one in choices_of(left, shape, factor)]
    # Where none is named Slurm takes its default.
    taken = scheduler.partition or next((one.name for one in partitions if one.is_default), None)
    best = best_of([one for one in choices if one.shape.partition == taken])
    unknown = sum(one.n for one in left if one.request.runtime is None)
    notes = []
    if unknown:
        uncounted = "" if best is None else ", and not counted"
        notes.append(
            f"How long {counted(unknown, 'job')} will take is not known{uncounted}: map with runtime=…, or run some "
            "first; once ten have completed it is observed."
        )
    if not choices:
        largest = max(shapes, key=lambda shape: shape.room[:3]).room
        reasons = {misfit(one.request, largest) for one in left} - {None}
        notes.append(f"Jobs fit no node of these partitions (each asks for {' or '.join(sorted(map(str, reasons)))}).")
    return NodePlan(choices, best, scheduler if best is None else _asking_for(best, shapes, scheduler), notes)


def _shapes(scheduler: SlurmSchedulerModel, partitions: Sequence[slurm.Partition]) -> list[Shape]:
    """The kinds of nodes that a scheduler may be given, with what a worker has on each."""
    found = [one for one in partitions if scheduler.partition in (None, one.name)]
    if not found:
        raise InvalidRequest(f"Slurm has no partition {scheduler.partition} that is up; `sinfo` shows those there are.")
    shapes = []
    for one in found:
        if (scheduler.mem or 0) > one.memory or (scheduler.cpus or 0) > one.cpus:
            continue  # such nodes are not given
        limits = [limit for limit in (scheduler.walltime, one.time_limit) if limit is not None]
        room = Room(
            scheduler.cpus or one.cpus,
            scheduler.mem or one.memory,
            rooms.gpus(scheduler.gres or one.gres or "gpu:0"),
            min(limits, default=None),
        )
        shapes.append(Shape(one.name, room, one.nodes))
    if not shapes:
        raise InvalidRequest(
            f"No node has the mem and cpus that scheduler {scheduler.name!r} asks for; `sinfo -N -l` shows them."
        )
    return shapes


def _asking_for(
    best: NodeChoice, shapes: Sequence[Shape], scheduler: SlurmSchedulerModel
) -> SlurmSchedulerModel:
    """Ask for the walltime that was planned with, and for the memory where the partition has smaller nodes too."""
    room = best.shape.room
    others = {shape.room.memory for shape in shapes if shape.partition == best.shape.partition}
    mem = room.memory if room.memory > min(others) else scheduler.mem
    return scheduler.model_copy(update={"mem": mem, "walltime": room.time_left})


def chosen(
    database: Database, workflow_id: int, scheduler: SlurmSchedulerModel
) -> tuple[int, SlurmSchedulerModel, str]:
    """Return how many nodes to have, how to ask for them, and why; one where there is nothing to go by."""
    if not demand.left(database, workflow_id):
        return 1, scheduler, "one node, since nothing is mapped yet that a plan could go by"
    found = plan(database, workflow_id, scheduler)
    if found.best is None:
        return 1, scheduler, "one node, as nothing is planned: " + " ".join(found.notes)
    best = found.best
    kind = f"{counted(best.nodes, 'node')} of partition {best.shape.partition}"
    each = f"{counted(best.at_a_time, 'job')} at a time, {counted(best.rounds or 1, 'round')}"
    return best.nodes, found.scheduler, f"planned {kind}: {each}, done in {format_duration(best.seconds or 0.0)}"
