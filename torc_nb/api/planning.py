"""How many nodes to ask for: the workflow's jobs that are left, against the nodes that Slurm has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torc_nb import slurm
from torc_nb.api import recommending, rooms
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.launch.planning import Demand, NodeChoice, Shape, best_of, choices_of
from torc_nb.models import Request, Room, SlurmSchedulerModel, misfit
from torc_nb.models.quantities import counted, format_duration
from torc_nb.store import Database, demand, limits
from torc_nb.store.demand import Left

__all__ = ["NodeChoice", "NodePlan", "Shape", "chosen", "node", "plan"]

#: What stands for a partition where there is no Slurm.
HERE = "this machine"


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
        Where the run times come from, what the jobs had better ask for, and which of them fit no node.
    """

    choices: list[NodeChoice]
    best: NodeChoice | None
    scheduler: SlurmSchedulerModel
    notes: list[str]


def plan(database: Database, workflow_id: int, scheduler: SlurmSchedulerModel) -> NodePlan:
    """Compare the nodes that a scheduler may have; where there is no Slurm, say what this machine takes.

    Raises
    ------
    InvalidRequest
        No job is left, or no partition of that name is up.
    SlurmUnavailable
        Slurm does not answer.
    """
    groups = demand.left(database, workflow_id)
    if not groups:
        raise InvalidRequest(f"There is nothing to plan: {_why_nothing(database, workflow_id)}")
    left = [Demand(one.counted_with, one.n) for one in groups]
    shapes, taken = _nodes(scheduler)
    choices, best = _compared(left, shapes, taken, scheduler)
    notes = [_basis(one) for one in groups if one.observed is not None]
    if taken == HERE:
        notes.append("There is no Slurm on this machine: these are the figures of one worker here, wf.run().")
    unknown = sum(one.n for one in left if one.request.runtime is None)
    if unknown:
        uncounted = "" if best is None else ", and not counted"
        notes.append(
            f"How long {counted(unknown, 'job')} will take is not known{uncounted}: map with runtime=…, or have some "
            "run first: wf.plan_nodes(canary=8)."
        )
    if not choices:
        room = max(shapes, key=lambda shape: shape.room[:3]).room
        reasons = {misfit(one.request, room) for one in left} - {None}
        notes.append(f"Jobs fit no node of these partitions (each asks for {' or '.join(sorted(map(str, reasons)))}).")
    notes += _better(database, workflow_id, groups, best, (shapes, taken, scheduler))
    asking = scheduler if best is None or taken == HERE else _asking_for(best, shapes, scheduler)
    return NodePlan(choices, best, asking, notes)


def _nodes(scheduler: SlurmSchedulerModel) -> tuple[list[Shape], str | None]:
    """Return the kinds of nodes there are, and the partition that is taken: where none is named, Slurm's default."""
    if not slurm.available():
        return [Shape(HERE, rooms.here(), 1)], HERE
    partitions = [one for one in slurm.partitions() if one.is_up]
    return shapes_of(scheduler, partitions), taken_by(scheduler, partitions)


def _compared(
    left: Sequence[Demand], shapes: Sequence[Shape], taken: str | None, scheduler: SlurmSchedulerModel
) -> tuple[list[NodeChoice], NodeChoice | None]:
    factor = 1.0 if scheduler.charge is None else scheduler.charge
    choices = [one for shape in shapes for one in choices_of(left, shape, factor)]
    return choices, best_of([one for one in choices if one.shape.partition == taken])


def _basis(one: Left) -> str:
    """Say where a run time comes from."""
    assert one.observed is not None
    n, longest = one.observed.n, one.observed.longest
    if one.request.runtime is not None:
        given = f"runtime {format_duration(one.request.runtime)}, as asked"
        return f"{one.name}: {given}; the longest of {counted(n, 'job')} took {format_duration(longest)}."
    seen = f"{one.name}: runtime {format_duration(one.observed.seconds)}: observed, {counted(n, 'job')}"
    if one.observed.is_by_few:
        return f"{seen} (the longest took {format_duration(longest)}, and a quarter is added)."
    return f"{seen} (95 % took no longer)."


def _better(
    database: Database,
    workflow_id: int,
    groups: Sequence[Left],
    best: NodeChoice | None,
    how: tuple[Sequence[Shape], str | None, SlurmSchedulerModel],
) -> list[str]:
    """Say what the jobs had better ask for, and what the plan would be then."""
    shapes, taken, scheduler = how
    room = largest(shapes, taken).room
    asks = {(one.map_id, one.requirement_id) for one in groups}
    rows = [
        one
        for one in recommending.of_workflow(database, workflow_id, room, {one.name for one in groups if one.observed})
        if one.is_of_map and one.is_worth_it and (one.map_id, one.asked.id) in asks
    ]
    if not rows:
        return []
    better: dict[tuple[int, int | None], Request] = {
        (one.map_id, one.asked.id): one.recommended.request for one in rows if one.recommended
    }
    left = [Demand(better.get((one.map_id, one.requirement_id), one.counted_with), one.n) for one in groups]
    _, then = _compared(left, shapes, taken, scheduler)
    said = "; ".join(
        f"{one.map}: {recommending.difference(one.asked, one.recommended)}" for one in rows if one.recommended
    )
    now = "" if best is None else f", now {_told(best)}"
    worth = "" if then is None else f"; the best is then {_told(then)}{now}"
    return [f"By what they took is recommended: {said}{worth}. wf.apply_recommended() has them ask for it."]


def _told(choice: NodeChoice) -> str:
    hours = 0.0 if choice.node_hours is None else choice.node_hours
    return f"{counted(choice.nodes, 'node')} for {format_duration(choice.seconds or 0.0)} ({hours:.3g} node-hours)"


def largest(shapes: Sequence[Shape], taken: str | None) -> Shape:
    """Return the largest kind of node in the partition that is taken."""
    return max([one for one in shapes if one.partition == taken] or shapes, key=lambda shape: shape.room[:3])


def node(scheduler: SlurmSchedulerModel) -> Shape:
    """Return what a worker has on a node that a scheduler brings; where that is not known, on this machine."""
    try:
        return largest(*_nodes(scheduler))
    except (InvalidRequest, LaunchError):  # it does not answer, or has no such nodes: whoever plans is told
        return Shape(HERE, rooms.here(), 1)


def _why_nothing(database: Database, workflow_id: int) -> str:
    """Say why no job is left that a node could run."""
    said = [limits.sentence(database, workflow_id, stop) for stop in limits.stops(database, workflow_id)]
    if said:
        return f"{'; '.join(said)}. {limits.CURE}"
    return "no job is left to run. `wf.map(…)` adds some."


def taken_by(scheduler: SlurmSchedulerModel, partitions: Sequence[slurm.Partition]) -> str | None:
    """The partition of a scheduler: where none is named Slurm takes its default."""
    return scheduler.partition or next((one.name for one in partitions if one.is_default), None)


def shapes_of(scheduler: SlurmSchedulerModel, partitions: Sequence[slurm.Partition]) -> list[Shape]:
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
        if limits.stops(database, workflow_id):
            return 1, scheduler, "one node, since all that is left is of maps that are stopped"
        return 1, scheduler, "one node, since nothing is mapped yet that a plan could go by"
    found = plan(database, workflow_id, scheduler)
    if found.best is None:
        return 1, scheduler, "one node, as nothing is planned: " + " ".join(found.notes)
    best = found.best
    kind = f"{counted(best.nodes, 'node')} of partition {best.shape.partition}"
    each = f"{counted(best.at_a_time, 'job')} at a time, {counted(best.rounds or 1, 'round')}"
    planned = f"planned {kind}: {each}, done in {format_duration(best.seconds or 0.0)}"
    return best.nodes, found.scheduler, " ".join([planned, *(f"({note.rstrip('.')})" for note in found.notes)])
