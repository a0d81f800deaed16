"""``map``: a function and its parameters captured, encoded and declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torc_nb.api import origins, rooms, surroundings
from torc_nb.api.origins import AnyFunction
from torc_nb.api.recommending import difference
from torc_nb.api.rows import Rows
from torc_nb.api.taken import Taken
from torc_nb.errors import Conflict, InvalidRequest
from torc_nb.functions import Function
from torc_nb.models import ResourceRequirementsModel, WorkflowModel
from torc_nb.models.growth import FACTOR, growth_of
from torc_nb.models.retries import Retry, retry_of
from torc_nb.store import Database, awaited, environments, functions, maps, requirements
from torc_nb.values import Spill

#: How often a map is declared anew where another kernel declared it at the same moment.
TRIES = 5


@dataclass(frozen=True)
class Place:
    """Where a new map stands among the other jobs of its workflow.

    Attributes
    ----------
    blocked_by_maps, blocked_by_jobs
        What it waits for, by ids.
    scheduler_id
        On whose nodes it is meant to run.
    first_row
        The number of its first row.
    job_name
        What the job of a row is called, where its number is not enough.
    is_new
        Another map of this name is none of it.
    """

    blocked_by_maps: tuple[int, ...] = ()
    blocked_by_jobs: tuple[int, ...] = ()
    scheduler_id: int | None = None
    first_row: int = 0
    job_name: Callable[[int], str | None] | None = None
    is_new: bool = False


_ANYWHERE = Place()


@dataclass(frozen=True)
class Mapped:
    """What ``map`` did; ``notes`` say what deserves attention."""

    outcome: maps.Outcome
    function: Function
    name: str
    call: str
    notes: tuple[str, ...] = ()


def declare(
    database: Database,
    workflow: WorkflowModel,
    function: AnyFunction,
    iterables: Sequence[Iterable[Any]],
    **options: Any,
) -> Mapped:
    """Declare a map; see ``Workflow.map`` for the options.

    Raises
    ------
    CannotCapture
        The function or something it uses cannot travel.
    CannotStore
        A parameter cannot be kept; its index is named and nothing is left of the call.
    InvalidRequest
        Parameters or options make no sense.
    Conflict
        Another kernel declared this map at the same moment, and the parameters can be read only once.
    """
    is_read_once = any(isinstance(iterable, Iterator) for iterable in iterables)
    for _ in range(1 if is_read_once else TRIES - 1):
        try:
            return _declare_once(database, workflow, function, iterables, **options)
        except Conflict:
            if is_read_once or options.get("place", _ANYWHERE).is_new:
                raise
    return _declare_once(database, workflow, function, iterables, **options)


def _declare_once(
    database: Database,
    workflow: WorkflowModel,
    function: AnyFunction,
    iterables: Sequence[Iterable[Any]],
    *,
    name: str | None = None,
    key: str | Sequence[str] | None = None,
    unpack: bool | None = None,
    postprocess: AnyFunction | None = None,
    requirement: ResourceRequirementsModel | None = None,
    module_directory: str | Path | None = None,
    priority: int = 0,
    drop: bool = False,
    shape: dict[str, Any] | None = None,
    place: Place = _ANYWHERE,
    source_map: int | None = None,
    retries: int | Retry = 0,
    max_failures: int | None = None,
    max_memory: str | int | None = None,
    memory_factor: float = FACTOR,
    postprocess_partial: bool = False,
) -> Mapped:
    retry = retry_of(retries).stored()
    if max_failures is not None and max_failures < 1:
        raise InvalidRequest(f"max_failures={max_failures}: give a number of failed jobs of at least 1, or None.")
    growth = growth_of(None if requirement is None else requirement.memory, max_memory, memory_factor)
    if postprocess_partial and postprocess is None:
        raise InvalidRequest("postprocess_partial=True: there is no postprocess=… that it could be said of.")
    assert workflow.id is not None
    rows = _rows(database, workflow, iterables, key, source_map)
    captured, origin = origins.captured(function, module_directory, rows.classes)
    name = name or captured.name
    if (earlier := maps.find(database, workflow.id, name)) is not None:
        _check_repeated(database, earlier, place, rows)
    call = rows.how_to_call(captured, unpack)
    origin_of = {"function": origin}
    reducer = None
    if postprocess is not None:
        # What it gets are the function's results, which may be of classes that the function alone names.
        known = rows.classes | origins.classes_named(function)
        reducer, origin_of["postprocess"] = origins.captured(postprocess, module_directory, known)
    asked = requirement or ResourceRequirementsModel(workflow_id=workflow.id)
    alone = ResourceRequirementsModel(workflow_id=workflow.id)
    declaration = maps.Declaration(
        name=name,
        function_id=functions.keep(database, workflow.id, captured),
        environment_id=environments.keep(database, workflow.id, surroundings.current()),
        # One with an id is kept already; an equal one might be found in its place.
        requirement_id=asked.id or requirements.keep(database, asked).id or 0,
        postprocess_id=None if reducer is None else functions.keep(database, workflow.id, reducer),
        postprocess_requirement_id=0 if reducer is None else requirements.keep(database, alone).id or 0,
        call=call,
        shape=rows.shape | {"origin": origin_of} | (shape or {}),
        priority=priority,
        drop=drop,
        source_map=source_map,
        retry=retry,
        max_failures=max_failures,
        growth=None if growth is None else growth.stored(),
        postprocess_partial=postprocess_partial,
        **{name: value for name, value in vars(place).items() if value is not None},
    )
    outcome = maps.declare(database, workflow.id, declaration, rows.encoded())
    asks_now = outcome.requirement_id
    notes = [*_doubts(captured, rows), *rooms.doubts(database, workflow.id, asks_now)]
    if asks_now != declaration.requirement_id:
        said, now = (requirements.get(database, id_) for id_ in (declaration.requirement_id, asks_now))
        notes.append(
            f"its jobs go on asking for what was applied ({difference(said, now)}); other numbers here take it back"
        )
    return Mapped(outcome, captured, declaration.name, call, tuple(notes))


def _rows(
    database: Database,
    workflow: WorkflowModel,
    iterables: Sequence[Iterable[Any]],
    key: str | Sequence[str] | None,
    source_map: int | None,
) -> Rows | Taken:
    if source_map is None:
        return Rows.read(iterables, key, Spill(Path(workflow.files) / "values"))
    source = maps.get(database, source_map)
    if key:
        raise InvalidRequest(f"key={key!r}: rows that are results of {source.name!r} are told by its jobs.")
    return Taken(database, source)


def _check_repeated(database: Database, earlier: Any, place: Place, rows: Rows | Taken) -> None:
    """Make sure that a map can be declared so again."""
    if isinstance(rows, Taken):
        rows.check_no_circle(earlier.id, earlier.name)
    waits_for = awaited.Awaited(place.blocked_by_maps, place.blocked_by_jobs)
    if any(waits_for) and awaited.by_map(database, earlier.id) != waits_for:
        raise InvalidRequest(
            f"Map {earlier.name!r} is there already and waits for other jobs than these: give the new round a name=…."
        )


def _doubts(function: Function, rows: Rows | Taken) -> Iterator[str]:
    if function.unstable:
        yield f"{', '.join(function.unstable)}: may look changed in a new kernel although nothing changed"
    if rows.unstable is not None:
        yield f"params[{rows.unstable}] may look new in a new kernel: give key=, by which rows are matched"


def sentence(mapped: Mapped) -> str:
    """Say in one line what became of the rows: ``run: 9,997 as before, 3 new, code changed``."""
    outcome = mapped.outcome
    parts = [
        f"{n:,} {word}"
        for n, word in (
            (outcome.before, "as before"),
            (outcome.new, "new"),
            (outcome.changed, "changed"),
            (outcome.absent, "absent (kept; drop=True removes them)"),
            (outcome.dropped, "dropped"),
        )
        if n
    ]
    if outcome.code_changed:
        parts.append("code changed (what completed stays; wf.reinitialize() runs it again)")
    if outcome.policy_changed:
        parts.append("policy changed (for what fails from now on)")
    if outcome.new_limit is not None:
        now, before = outcome.new_limit
        parts.append(f"max_failures={now} (was {before})")
    return f"{mapped.name}: {', '.join(parts) or 'no rows'}"
