"""``map``: a function and its parameters captured, encoded and declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torc_nb.api import surroundings
from torc_nb.api.rows import Rows, how_to_call
from torc_nb.errors import InvalidRequest
from torc_nb.functions import Function, capture, capture_named
from torc_nb.models import ResourceRequirementsModel, WorkflowModel
from torc_nb.store import Database, environments, functions, maps, requirements
from torc_nb.values import Spill

#: Anything that ``map`` takes for a function: a callable, ``"module:function"``, or the pair of these names.
AnyFunction = Callable[..., Any] | str | tuple[str, str]


@dataclass(frozen=True)
class Mapped:
    """What ``map`` did."""

    outcome: maps.Outcome
    function: Function
    name: str
    call: str


def declare(
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
) -> Mapped:
    """Declare a map; see ``Workflow.map`` for the arguments.

    Raises
    ------
    CannotCapture
        The function or something it uses cannot travel.
    CannotStore
        A parameter cannot be kept; its index is named and nothing is left of the call.
    InvalidRequest
        Parameters or options make no sense.
    """
    assert workflow.id is not None
    rows = Rows.read(iterables, key)
    captured = _captured(function, module_directory, rows.classes)
    call = how_to_call(captured, rows, unpack)
    reducer = None if postprocess is None else _captured(postprocess, module_directory, rows.classes)
    environment = surroundings.current()
    asked = requirement or ResourceRequirementsModel(workflow_id=workflow.id)
    alone = ResourceRequirementsModel(workflow_id=workflow.id)
    declaration = maps.Declaration(
        name=name or captured.name,
        function_id=functions.keep(database, workflow.id, captured),
        environment_id=environments.keep(database, workflow.id, environment),
        requirement_id=requirements.keep(database, asked).id or 0,
        postprocess_id=None if reducer is None else functions.keep(database, workflow.id, reducer),
        postprocess_requirement_id=0 if reducer is None else requirements.keep(database, alone).id or 0,
        call=call,
        shape=rows.shape | (shape or {}),
        priority=priority,
        drop=drop,
    )
    spill = Spill(Path(workflow.files) / "values")
    outcome = maps.declare(database, workflow.id, declaration, rows.encoded(spill))
    return Mapped(outcome, captured, declaration.name, call)


def _captured(function: AnyFunction, directory: str | Path | None, classes: set[type]) -> Function:
    if isinstance(function, str | tuple):
        module, name = _names(function)
        return capture_named(module, name, directory=directory)
    if not callable(function):
        raise InvalidRequest(f'{function!r:.60} is not a function; give a function, or its names: "simulation:run".')
    return capture(function, classes=classes)


def _names(function: str | tuple[str, str]) -> tuple[str, str]:
    names = tuple(function.split(":")) if isinstance(function, str) else function
    if len(names) != 2 or not all(isinstance(name, str) and name for name in names):
        raise InvalidRequest(f'{function!r} names no function; write "module:function".')
    return names


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
        parts.append("code changed (what completed stays; rerun(…) runs it again)")
    return f"{mapped.name}: {', '.join(parts) or 'no rows'}"
