"""What jobs asked for against what they took, and what they had better ask for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.functions.submitted import SUBMITTED
from torc_nb.launch.planning import Shape
from torc_nb.models import JobStatus, ResourceRequirementsModel, Room, places
from torc_nb.models.quantities import GIB, MIB, counted, format_duration, format_memory
from torc_nb.store import Database, maps, requirements, usage
from torc_nb.store.usage import Extremes, Stopped, Used

#: So many jobs have to have completed before anything is recommended.
FEWEST = 5
#: How much is recommended beyond what was seen: of the most memory, and of the run time that 95 % keep to.
MARGIN = 1.25
#: The same of memory where jobs were stopped for taking too much: nobody knows how much more they would have taken.
MARGIN_STOPPED = 1.5
#: A CPU of which so little was used is not needed.
HARDLY = 0.15
#: The least memory that is recommended: a Python process with some packages.
LEAST = 128 * MIB
_BETTER = ", recommended"
#: How many results of a map stand for all of them in the percentiles.
SAMPLE = 10_000


class Spread(NamedTuple):
    """Half of the jobs took no more than one, 95 % no more than the other, and none more than the last."""

    half: float | None = None
    most: float | None = None
    max: float | None = None


@dataclass(frozen=True)
class JobUsage:
    """What the jobs of one map took which ask for the same.

    Attributes
    ----------
    map_id, map
        The map; 0 and ``""`` for jobs of none.
    asked : ResourceRequirementsModel
        What they ask for.
    is_of_map, is_own
        Whether the map's jobs ask for it now; whether single jobs were given it, which keep it.
    jobs, measured
        How many jobs ask for it, and how many of these ended with the map's current code.
    cpus, memory, runtime : Spread
        CPUs kept busy on average, bytes, and seconds of those that completed.
    stopped : Stopped
        How many a walltime has cut, and how many took too much memory.
    recommended : ResourceRequirementsModel or None
        What they had better ask for; None where too little is known.
    at_a_time, recommended_at_a_time
        How many run at a time on a node, as they ask now and as is recommended.
    """

    map_id: int
    map: str
    asked: ResourceRequirementsModel
    is_of_map: bool
    is_own: bool
    jobs: int
    measured: int
    cpus: Spread
    memory: Spread
    runtime: Spread
    stopped: Stopped
    recommended: ResourceRequirementsModel | None
    at_a_time: int
    recommended_at_a_time: int | None

    @property
    def is_worth_it(self) -> bool:
        """Whether something else is recommended than is asked."""
        return self.recommended is not None and self.recommended.request != self.asked.request


class JobUsages(NamedTuple):
    """A row for each map and requirement, and what there is to say of them."""

    rows: list[JobUsage]
    notes: list[str]


class Applied(NamedTuple):
    """A map whose jobs ask for something else now: what, and how many that wait were changed."""

    map: str
    old: ResourceRequirementsModel
    new: ResourceRequirementsModel
    waiting: int

    def __str__(self) -> str:
        return f"{self.map}: {difference(self.old, self.new)}; {counted(self.waiting, 'waiting job')} changed"


def of_workflow(
    database: Database, workflow_id: int, room: Room, map_names: Collection[str] | None = None
) -> list[JobUsage]:
    """Return what jobs asked for and took, a row for each map and requirement, with what is recommended.

    ``room`` is what a node has for them. Where there are many, percentiles are those of a sample; the maxima never.
    """
    declared = {one.id: one for one in maps.listed(database, workflow_id) if not one.shape.get("of_job")}
    known = {one.id or 0: one for one in requirements.listed(database, workflow_id)}
    own = requirements.of_jobs(database, workflow_id)
    numbers = usage.numbers(database, workflow_id)
    groups: dict[int, dict[int, int]] = {}
    for (map_id, requirement_id), n in usage.asked(database, workflow_id).items():
        if map_id == 0 or map_id in declared:
            groups.setdefault(map_id, {})[requirement_id] = n
    found = []
    for map_id, of_requirements in sorted(groups.items(), key=lambda group: (group[0] == 0, group[0])):
        map_ = declared.get(map_id)
        if map_names is not None and (map_ is None or map_.name not in map_names):
            continue
        if map_ is not None:
            of_requirements.setdefault(map_.requirement_id, 0)
        measured = _Measured(database, workflow_id, map_, of_requirements, own, numbers.get(map_id, 0))
        found += [
            _row(measured, known[requirement_id], n, room) for requirement_id, n in sorted(of_requirements.items())
        ]
    return found


def usages(
    database: Database, workflow_id: int, node: Shape, map_names: Collection[str] | None = None
) -> JobUsages:
    """Return the rows, and what there is to say of them; NotFound where there is no map of such a name."""
    _check_names(database, workflow_id, map_names)
    rows = of_workflow(database, workflow_id, node.room, map_names)
    room = node.room
    kind = f"{node.partition}, {counted(room.num_cpus, 'CPU')} and {format_memory(room.memory)}"
    how = f"from {FEWEST} completed jobs on: the run time that 95 % keep to, the most memory, and {MARGIN - 1:.0%} more"
    notes = [f"Recommended {how}. Jobs per node are those of {kind}."]
    if any(one.is_of_map and one.is_worth_it for one in rows):
        notes.append("wf.apply_recommended() or `%torc resource-requirements apply-recommended` has them ask for it.")
    return JobUsages(rows, notes)


def _check_names(database: Database, workflow_id: int, wanted: Collection[str] | None) -> None:
    known = [one.name for one in maps.listed(database, workflow_id)] if wanted else []
    for name in wanted or ():
        if name not in known:
            there = ", ".join(map(repr, known)) or "none"
            raise NotFound(f"There is no map {name!r} in this workflow; its maps: {there}.")


class _Measured:
    """What the jobs of one map took, by what they ask for."""

    def __init__(
        self, database: Database, workflow_id: int, map_: Any, asked: Iterable[int], own: Collection[int], n: int
    ) -> None:
        self.map_id = 0 if map_ is None else map_.id
        self.name = "" if map_ is None else map_.name
        self.asked_by_map = None if map_ is None else map_.requirement_id
        self.own = own
        function_id = None if map_ is None else map_.function_id
        share = SAMPLE / max(n, 1)
        self.sample = usage.sampled(database, workflow_id, self.map_id, None, share, function_id) if n else []
        self.stopped = usage.stopped(database, workflow_id, self.map_id)
        nothing = Extremes(0, 0, None, 0, None)
        self.extremes = {
            one: usage.extremes(database, workflow_id, self.map_id, one, function_id) if n else nothing for one in asked
        }

    def alike(self, requirement_id: int) -> Collection[int]:
        """The requirements whose jobs tell of those of one: of a map all but single jobs' own."""
        if self.map_id == 0 or requirement_id in self.own:
            return [requirement_id]
        return [one for one in self.extremes if one not in self.own]


def _row(measured: _Measured, asked: ResourceRequirementsModel, n: int, room: Room) -> JobUsage:
    id_ = asked.id or 0
    of_these = [one for one in measured.sample if one.requirement_id == id_]
    most = measured.extremes[id_]
    is_of_map = id_ == measured.asked_by_map
    recommended = None
    if is_of_map or measured.map_id == 0 or id_ in measured.own:
        recommended = _recommended(measured, asked)
    return JobUsage(
        measured.map_id, measured.name, asked, is_of_map, id_ in measured.own, n, most.n,
        _spread(_cpus(of_these), most.cpus),
        _spread([one.peak_memory for one in of_these if one.peak_memory], most.peak_memory or None),
        _spread(_seconds(of_these), most.seconds),
        measured.stopped.get(id_, Stopped()),
        recommended,
        at_a_time(asked, room),
        None if recommended is None else at_a_time(recommended, room),
    )  # fmt: skip


def at_a_time(asked: ResourceRequirementsModel, room: Room) -> int:
    """How many jobs of a request run at a time in a node's room."""
    request = asked.request
    memory = room.share(request.num_cpus) if request.memory is None else request.memory
    return places(request._replace(memory=memory), room)


def _cpus(sample: Iterable[Used]) -> list[float]:
    return [one.cpu_seconds / one.seconds for one in sample if one.seconds >= usage.LONG_ENOUGH and one.cpu_seconds > 0]


def _seconds(sample: Iterable[Used]) -> list[float]:
    return [one.seconds for one in sample if one.status == JobStatus.COMPLETED]


def _spread(values: Sequence[float], most: float | None) -> Spread:
    if not values:
        return Spread(None, None, most)
    return Spread(_quantile(values, 0.5), _quantile(values, 0.95), max(*values, most or 0.0))


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _recommended(measured: _Measured, asked: ResourceRequirementsModel) -> ResourceRequirementsModel | None:
    """What jobs had better ask for than this; GPUs and limits stay as they are."""
    alike = measured.alike(asked.id or 0)
    most = [measured.extremes[one] for one in alike]
    if sum(one.completed for one in most) < FEWEST:
        return None
    sample = [one for one in measured.sample if one.requirement_id in alike]
    stopped = [measured.stopped.get(one, Stopped()) for one in alike]
    better = {
        "num_cpus": _recommended_cpus(_cpus(sample)),
        "memory": _recommended_memory(
            max(one.peak_memory for one in most), any(one.out_of_memory for one in stopped)
        ),
        "runtime": _recommended_runtime(_seconds(sample), max(one.longest_cut for one in stopped)),
    }
    changes = {name: value for name, value in better.items() if value is not None}
    if changes.get("runtime") is not None and asked.timeout is not None:
        changes["runtime"] = min(changes["runtime"], asked.timeout)
    # A name that two have can be used of neither.
    name = asked.name if not asked.name or asked.name.endswith(_BETTER) else asked.name + _BETTER
    return asked.model_copy(update={"id": None, "name": name, **changes})


def _recommended_cpus(used: Sequence[float]) -> int | None:
    return max(1, math.ceil(_quantile(used, 0.95) - HARDLY)) if used else None


def _recommended_memory(most: int, were_stopped: bool) -> int | None:
    """Some more than the most that was seen, in steps that are easy to read; None where nothing was measured."""
    if not most:
        return None
    wanted = max(LEAST, most * (MARGIN_STOPPED if were_stopped else MARGIN))
    step = 64 * MIB if wanted < GIB else GIB // 4 if wanted < 8 * GIB else GIB
    return math.ceil(wanted / step) * step


def _recommended_runtime(seconds: Sequence[float], longest_cut: float) -> float | None:
    wanted = MARGIN * max(_quantile(seconds, 0.95) if seconds else 0.0, longest_cut)
    if not wanted:
        return None
    step = 1 if wanted < 60 else 10 if wanted < 600 else 60 if wanted < 6 * 3600 else 600
    return float(math.ceil(wanted / step) * step)


def apply(
    database: Database, workflow_id: int, room: Room, map_names: Collection[str] | None = None
) -> tuple[list[Applied], list[str]]:
    """Let maps' jobs ask for what is recommended: those that wait now, others when they run again.

    Returns what was changed, and what else there is to say.

    Raises
    ------
    InvalidRequest
        There is no map, or none of such a name.
    """
    _check_names(database, workflow_id, map_names)
    rows = of_workflow(database, workflow_id, room, map_names)
    done, said = [], list(_unapplied(rows))
    submitted = {one.id for one in maps.listed(database, workflow_id) if one.call == SUBMITTED}
    for row in [one for one in rows if one.is_of_map]:
        if row.map_id in submitted:
            said.append(f"{row.map} stays: the calls of an executor ask for what wf.executor(…) is given")
        elif row.recommended is None:
            enough = f"{counted(FEWEST, 'job')} have to complete with the current code before anything is recommended"
            said.append(f"{row.map} stays: {enough}")
        elif not row.is_worth_it:
            said.append(f"{row.map} asks for what is recommended already")
        else:
            new = requirements.keep(database, row.recommended)
            waiting = maps.set_requirement(database, row.map_id, new.id or 0)
            done.append(Applied(row.map, row.asked, new, waiting))
    if not done and not said:
        raise InvalidRequest("There is no map whose jobs could ask for something else. `wf.map(…)` declares one.")
    return done, said


def _unapplied(rows: Iterable[JobUsage]) -> Iterable[str]:
    """Say what is left to the user: jobs of no map, and those that have a request of their own."""
    for row in rows:
        if row.is_worth_it and not row.is_of_map:
            whose = "jobs that were given it themselves" if row.is_own else "jobs of no map"
            assert row.recommended is not None
            yield (
                f"requirements {row.asked.id} of {whose} stay: `%torc resource-requirements modify {row.asked.id} …` "
                f"changes them ({difference(row.asked, row.recommended)} is recommended)"
            )


def difference(old: ResourceRequirementsModel, new: ResourceRequirementsModel) -> str:
    """Say what differs between two requests: ``num_cpus 4 → 1, memory 20 GB → 1.5 GB``."""
    told = {"num_cpus": str, "memory": format_memory, "runtime": format_duration}
    return ", ".join(
        f"{name} {_told(getattr(old, name), how)} → {_told(getattr(new, name), how)}"
        for name, how in told.items()
        if getattr(old, name) != getattr(new, name)
    )


def _told(value: Any, how: Any) -> str:
    return "not given" if value is None else how(value)
