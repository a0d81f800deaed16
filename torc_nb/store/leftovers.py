"""What workers that are gone left in their spools, taken in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from torc_nb.errors import TorcError
from torc_nb.models import Completion, Membership
from torc_nb.store import bulk, completions, counts, dependencies, events, limits, machine, schema, spool, watch
from torc_nb.store.database import Database

_workers = schema.workers

#: How many ends of attempts one transaction writes.
PIECE = 2000


@contextmanager
def settled(database: Database, worker: Row[Any]) -> Iterator[spool.Farewell | None]:
    """Write to the database what a worker spooled; its files go when the caller has done what is to be done besides.

    Gives the worker's last word, where it had no other place to say it.

    Parameters
    ----------
    worker : Row
        With the ``files`` of its workflow.
    """
    written = []
    farewell = None
    for path in _taken(worker, spool.found(Path(worker.files), trust=database.trust).get(worker.id, [])):
        with suppress(OSError):  # others have just done with it; or it cannot be read now, and stays
            farewell = _write(database, worker, path) or farewell
            written.append(path)
    yield farewell
    for path in written:
        path.unlink(missing_ok=True)


def take_in(database: Database, workflow_id: int) -> None:
    """Write to the database what workers spooled that are known to be gone.

    Their jobs are free by then: what was not run again meanwhile need not be.
    """
    workflows = schema.workflows
    with database.read() as connection:
        files = connection.scalar(select(workflows.c.files).where(workflows.c.id == workflow_id))
        found = spool.found(Path(files), trust=database.trust) if files is not None else {}
        gone = connection.execute(
            select(_workers, workflows.c.files)
            .join(workflows, workflows.c.id == _workers.c.workflow_id)
            .where(_workers.c.id.in_(found), _workers.c.state.in_(("left", "lost")))
        ).all() if found else []  # fmt: skip
    for worker in gone:
        # One that was given up by mistake and lives writes what it has itself.
        if worker.state == "left" or not machine.is_alive(worker.boot_id, worker.pid, worker.process_start):
            with settled(database, worker):
                pass


def _taken(worker: Row[Any], paths: Sequence[Path]) -> list[Path]:
    """Take a worker's files; not those that another torc_nb has to read, or that are another database's."""
    ours = []
    for path in paths:
        with suppress(OSError):  # others were faster, or it is not ours to read
            header = spool.header(path)
            is_its_own = header is None or (
                header["version"] == spool.VERSION
                and (header["boot_id"], header["pid"]) == (worker.boot_id, worker.pid)
            )
            if is_its_own and (taken := spool.taken(path)) is not None:
                ours.append(taken)
    return ours


def _write(database: Database, worker: Row[Any], path: Path) -> spool.Farewell | None:
    farewell = None
    piece: list[Completion] = []
    for content in spool.contents(path):
        if isinstance(content, spool.Farewell):
            farewell = content
            continue
        piece.append(content)
        if len(piece) == PIECE:
            record(database, worker, piece)
            piece = []
    record(database, worker, piece)
    return farewell


def record(database: Database, worker: Row[Any] | Membership, ended: Sequence[Completion]) -> None:
    """Write ends of attempts; one that the database cannot take keeps no other from being written."""
    with database.read() as connection:
        new = completions.unknown(connection, ended)
    try:
        if new:
            _record_together(database, worker, new)
    except TorcError:
        raise
    except Exception as error:
        if len(new) > 1:
            for one in new:
                record(database, worker, [one])
        else:
            with database.write() as connection:
                events.add(
                    database, connection, worker.workflow_id, "result not taken in", job_id=new[0].job_id,
                    worker_id=worker.id, reason=str(error)[:1000],
                )  # fmt: skip


def _record_together(database: Database, worker: Row[Any] | Membership, ended: Sequence[Completion]) -> None:
    job_ids = [done.job_id for done in ended]
    tally = counts.Tally(worker.workflow_id)
    with database.write() as connection:
        bulk.lock_rows(connection, schema.jobs, job_ids)
        completions.record(database, connection, worker.id, ended, tally)
        tally.write(connection, worker.id)
        events.add(database, connection, worker.workflow_id, "results taken in", worker_id=worker.id, count=len(ended))
        watch.announce(connection, worker.workflow_id)
    map_ids = {done.map_id for done in ended}
    dependencies.release(database, worker.workflow_id, map_ids, job_ids)
    limits.tell(database, worker.workflow_id, map_ids)
