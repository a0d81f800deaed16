"""One workflow copied, as it stands at one moment, into an SQLite file of its own: to be looked at, not to be run.

Nothing of other workflows is in it, and nothing of this one that is the user's alone: no environment variables, no
scripts that set up a node; and of functions no more than their own text, no pickle and no value that they read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Table, Text, case, literal, null, select, update

from torc_nb.store import allocations, copying, leases, portable, schema, sqlite_file
from torc_nb.store.database import Database

_maps = schema.maps
_jobs = schema.jobs
_functions = schema.functions
_sources = schema.module_sources


def _over(table: Table, present: Sequence[str], over: str) -> ColumnElement[str]:
    """Whoever is there at that moment is not there in a copy."""
    return case((table.c.state.in_(present), literal(over)), else_=table.c.state)


#: What stands in the copy instead of what does not leave the user's hands, by table and column.
_INSTEAD: dict[str, dict[str, ColumnElement[Any]]] = {
    "workflows": {"files": literal("", Text)},
    "functions": {"payload": literal(b"", LargeBinary)},
    "environments": {"variables": literal("{}", Text)},
    "schedulers": {"settings": literal("{}", Text)},
    "allocations": {"process": null(), "state": _over(schema.allocations, allocations.ALIVE, "ended")},
    "workers": {"boot_id": literal("", Text), "state": _over(schema.workers, leases.PRESENT, "left")},
}

#: What code is made of that is code itself; all other ingredients are values.
_CODE = ("helper", "class")

#: Tables that mean nothing where nothing runs; in a notification's command may be what is the user's alone.
_LEFT = frozenset({"campaigns", "cancellations", "sequences", "module_sources", "notifications", "tellings"})


def extract(source: Database, workflow_id: int, path: Path) -> None:
    """Make a file that holds what a database has of a workflow; workers may go on meanwhile.

    Parameters
    ----------
    path
        Where to; nothing is there yet.

    Raises
    ------
    DatabaseError
        One of the two cannot be read or written.
    """
    target = Database.open(path)
    try:
        with source.snapshot() as reading, target.write() as writing:
            for table in schema.metadata.sorted_tables:
                if table.name not in _LEFT:
                    instead = _INSTEAD.get(table.name)
                    copying.copy(reading, writing, table, *_conditions(table.name, workflow_id), instead=instead)
            copying.copy(reading, writing, _sources, _sources.c.digest.in_(_without_values(writing)))
    finally:
        target.close()
    sqlite_file.set_copy(path, is_copy=True)


def renew(path: Path, archive: Path) -> None:
    """Bring a copy to the tables of this version, where an older one wrote it; nobody else has it open.

    Parameters
    ----------
    archive
        The file that it was unpacked from, as errors name it.

    Raises
    ------
    DatabaseTooNew
        A newer version wrote it.
    """
    if sqlite_file.is_copy(path):
        sqlite_file.set_copy(path, is_copy=False)
        Database.open(path, archive=archive).close()
        sqlite_file.set_copy(path, is_copy=True)


def _conditions(table: str, workflow_id: int) -> list[ColumnElement[bool]]:
    """Return what holds for the rows of a workflow: of its visible maps, and of its jobs of none."""
    visible = select(_maps.c.id).where(_maps.c.workflow_id == workflow_id, _maps.c.state == "ready")
    shown = (_jobs.c.workflow_id == workflow_id) & ((_jobs.c.map_id == 0) | _jobs.c.map_id.in_(visible))
    if table == "jobs":
        return [shown]
    columns = schema.metadata.tables[table].c
    if table == "workflows":
        return [columns.id == workflow_id]
    if table == "maps":
        return [columns.id.in_(visible)]
    if table == "job_counts":
        return [columns.workflow_id == workflow_id, (columns.map_id == 0) | columns.map_id.in_(visible)]
    key = next((one.key for one in portable.TABLES if one.table.name == table), "workflow_id")
    if key == "workflow_id":
        return [columns.workflow_id == workflow_id]
    return [columns[key].in_(select(_jobs.c.id).where(shown) if key == "job_id" else visible)]


def _without_values(writing: Connection) -> list[bytes]:
    """Leave of functions nothing but their code; returns the digests of the modules that they need."""
    digests: set[str] = set()
    for function_id, details in writing.execute(select(_functions.c.id, _functions.c.details)).all():
        digests |= {module["digest"] for module in details["modules"]}
        code = [one for one in details.get("ingredients", ()) if one[0] in _CODE]
        bare = {**details, "sources": {}, "ingredients": code}
        writing.execute(update(_functions).where(_functions.c.id == function_id).values(details=bare))
    return [bytes.fromhex(digest) for digest in sorted(digests)]
