"""A workflow taken in from another database: a new one here, of which reinitialize, rerun and map hold as they did."""

from __future__ import annotations

from array import array
from base64 import b64decode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, insert, update

from torc_nb import models, private
from torc_nb.errors import InvalidRequest, NotTrusted
from torc_nb.models import CLAIMED, JobStatus
from torc_nb.store import bulk, counts, events, portable, schema, trust, workflows
from torc_nb.store.database import Database
from torc_nb.store.portable import DATUM, JOB, JOBS, Portable

_workflows = schema.workflows

#: How many rows one transaction writes.
PIECE = 2000

#: What the name of a workflow begins with of which not all is there.
UNFINISHED = "(importing) "

TORN = "The file ends in the middle, or lacks rows that it was written with; export the workflow again."


class Import:
    """One workflow on its way in.

    Its name and state are given to it last: until then nobody takes it for whole.

    Raises
    ------
    InvalidRequest
        The records are no workflow, or one that another version wrote.
    NotTrusted
        It is another user's.
    """

    def __init__(self, database: Database, head: Any, *, name: str | None, files: str) -> None:
        _check(head)
        self._database = database
        self._old = models.WorkflowModel(**head["workflow"])
        self._name = name or self._old.name
        _check_trust(database, self._old)
        made = workflows.create(
            database,
            models.WorkflowModel(name=f"{UNFINISHED}{self._name}", description=self._old.description, files=files),
        )
        self.folder = Path(made.files)
        self.id = made.id or 0
        self._ids: dict[str, dict[int, int]] = {}
        self._taken: dict[str, int] = {}
        lowest, highest = head["ids"]
        self._distance = database.take_ids("jobs", max(0, highest - lowest + 1)) - lowest if highest >= lowest else 0
        self._tables = {one.table.name: one for one in portable.TABLES}
        self._put: Callable[[list[Any]], None] | None = None
        self._piece: list[list[Any]] = []

    def take(self, records: Iterable[Any]) -> None:
        """Take in what follows the head, up to its end.

        Raises
        ------
        InvalidRequest
            Rows are missing, or are not as this version knows them.
        """
        for record in records:
            if isinstance(record, list):
                self._piece.append(record)
                if len(self._piece) == PIECE:
                    self._flush()
                continue
            self._flush()
            if "end" in record:
                return self._check_all(record["end"])
            self._put = self._writer(record["table"], record["columns"])
        raise InvalidRequest(TORN)

    def finish(self) -> models.WorkflowModel:
        """Give the workflow its name and state: it is whole."""
        with self._database.write() as connection:
            connection.execute(
                update(_workflows)
                .where(_workflows.c.id == self.id)
                .values(name=self._name, state=self._old.state, run_id=self._old.run_id)
            )
            events.add(
                self._database, connection, self.id, "workflow imported", name=self._old.name, id=self._old.id,
                user=self._old.user,
            )  # fmt: skip
        return workflows.get(self._database, self.id)

    def worker_id(self, old: int) -> int | None:
        """Return what a worker's id became; None where it is none of the workflow's."""
        return self._ids.get("workers", {}).get(old)

    def _flush(self) -> None:
        if self._piece and self._put is not None:
            self._put(self._piece)
        self._piece = []

    def _writer(self, table: str, columns: list[str]) -> Callable[[list[Any]], None]:
        if table == "module_sources":
            return self._put_sources
        one = self._tables.get(table)
        if one is None or sorted(columns) != sorted(column.name for column in one.columns):
            raise InvalidRequest(f"This version does not know what the file has of {table}: {', '.join(columns)}.")
        self._taken[table] = 0
        convert = self._converter(one, columns)
        if table in portable.MANY:
            return lambda rows: self._put_many(one, columns, convert, rows)
        return lambda rows: self._put_each(one, columns, convert, rows)

    def _converter(self, one: Portable, columns: list[str]) -> Callable[[list[Any]], list[Any]]:
        """Return what turns a row of the file into one of this database."""
        changes: list[tuple[int, Callable[[Any], Any]]] = []
        for place, column in enumerate(columns):
            if isinstance(one.table.c[column].type, LargeBinary):
                changes.append((place, b64decode))
            if column == "workflow_id":
                changes.append((place, lambda _: self.id))
            elif column in one.links:
                changes.append((place, self._mover(one.links[column])))

        def converted(row: list[Any]) -> list[Any]:
            for place, change in changes:
                if row[place] is not None:
                    row[place] = change(row[place])
            return row

        return converted

    def _mover(self, kind: str) -> Callable[[Any], Any]:
        if kind == JOB:
            return lambda id_: id_ + self._distance
        if kind == DATUM:
            return lambda id_: id_ + 2 * self._distance
        if kind == JOBS:
            return self._moved_together
        ids = self._ids.setdefault(kind, {})
        return lambda id_: ids.get(id_, 0)

    def _moved_together(self, packed: bytes) -> bytes:
        ids = array("q")
        ids.frombytes(packed)
        return array("q", [id_ + self._distance for id_ in ids]).tobytes()

    def _put_sources(self, rows: list[Any]) -> None:
        with self._database.write() as connection:
            statement = bulk.insert_on_conflict(connection.dialect.name, schema.module_sources).on_conflict_do_nothing()
            for digest, content in rows:
                connection.execute(statement.values(digest=b64decode(digest), content=b64decode(content)))

    def _put_each(
        self, one: Portable, columns: list[str], convert: Callable[[list[Any]], list[Any]], rows: list[Any]
    ) -> None:
        table = one.table
        ids = self._ids.setdefault(table.name, {})
        with self._database.write() as connection:
            for row in rows:
                values = dict(zip(columns, convert(row), strict=True))
                old = values.pop("id") if one.is_numbered else None
                if table is schema.workers:
                    values["state"] = "left"
                made = connection.execute(insert(table).values(values).returning(*table.primary_key.columns)).one()
                if old is not None:
                    ids[old] = made[0]
        self._taken[table.name] += len(rows)

    def _put_many(
        self, one: Portable, columns: list[str], convert: Callable[[list[Any]], list[Any]], rows: list[Any]
    ) -> None:
        order = [column.name for column in one.columns]
        places = [columns.index(name) for name in order]
        new = [convert(row) for row in rows]
        tally = counts.Tally(self.id)
        if one.table is schema.jobs:
            _count(new, columns, tally)
        with self._database.write() as connection:
            bulk.insert_rows(connection, one.table, tuple(order), [[row[place] for place in places] for row in new])
            tally.write(connection)
        self._taken[one.table.name] += len(rows)

    def _check_all(self, written: dict[str, int]) -> None:
        if written != self._taken:
            raise InvalidRequest(TORN)


def _count(jobs: list[list[Any]], columns: list[str], tally: counts.Tally) -> None:
    """Count jobs by their status; what a worker of the other database has is to be run here."""
    status, map_id, requirement_id = (columns.index(name) for name in ("status", "map_id", "requirement_id"))
    for job in jobs:
        if job[status] in CLAIMED:
            job[status] = int(JobStatus.READY)
        tally.add(job[map_id], job[requirement_id], job[status])


def _check_trust(database: Database, workflow: models.WorkflowModel) -> None:
    """Take in no pickles of another user's unless that is trusted: here they would pass for one's own."""
    if not (database.trust or private.is_user(workflow.user)):
        raise NotTrusted(f"The file holds {workflow.user}'s workflow {workflow.name}, with pickles. {trust.CURE}")


def _check(head: Any) -> None:
    if not isinstance(head, dict) or "torc_nb" not in head:
        raise InvalidRequest("This is no exported workflow.")
    if (head["torc_nb"], head["schema"]) != (portable.VERSION, schema.REVISION):
        raise InvalidRequest(
            f"Another version of torc_nb wrote this file (format {head['torc_nb']}, schema {head['schema']}; this one "
            f"reads {portable.VERSION}, {schema.REVISION}): export it again with this version, or import it with that."
        )
