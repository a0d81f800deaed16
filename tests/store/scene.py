"""A database with one started workflow, and the few words in which the tests speak of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from torc_nb.models import (
    Claim,
    Completion,
    Introduction,
    JobStatus,
    Membership,
    ResourceRequirementsModel,
    WorkflowModel,
)
from torc_nb.store import Database, claims, counts, leases, machine, maps, requirements, schema, workflows

FUNCTION, OTHER_FUNCTION, COLLECT = 1, 2, 3
ENVIRONMENT = 1


def digest(text: str) -> bytes:
    """Sixteen bytes that stand for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def row(value: object, key: str | None = None) -> maps.Parameters:
    """A row to map over, as the layer above encodes it."""
    text = str(value)
    return maps.Parameters(text, digest(text), None if key is None else digest("key " + key), key)


def completion(claim: Claim, status: JobStatus = JobStatus.COMPLETED, **changes: Any) -> Completion:
    """The end of a claimed attempt."""
    failed = status is not JobStatus.COMPLETED
    return Completion(
        job_id=claim.job_id,
        attempt=claim.attempt,
        run_id=claim.run_id,
        map_id=claim.map_id,
        requirement_id=claim.requirement_id,
        function_id=claim.function_id,
        status=int(status),
        return_code=int(failed),
        started=1000.0,
        seconds=0.5,
        cpu_seconds=0.25,
        peak_memory=2**33,
        value=None if failed else f"result of {claim.params}",
        fingerprint=claim.params_digest + b"f" * 16,
        error_type="ValueError" if failed else None,
        error="bad" if failed else None,
        traceback="Traceback" if failed else None,
        log_offset=0,
        stdout_bytes=0,
        stderr_bytes=0,
        was_running=False,
    )._replace(**changes)


class Scene:
    """One workflow in a database."""

    def __init__(self, database: Database, files: Path, name: str = "scene") -> None:
        self.database = database
        self.workflow = workflows.create(database, WorkflowModel(name=name, files=str(files)))
        self.id = self.workflow.id or 0
        workflows.set_state(database, self.id, "started")
        self.requirement = self.require(num_cpus=1)

    def require(self, **asked: Any) -> int:
        """The id of a request of resources."""
        asked_for = ResourceRequirementsModel(workflow_id=self.id, **asked)
        return requirements.keep(self.database, asked_for).id or 0

    def declaration(self, name: str = "m", **changes: Any) -> maps.Declaration:
        """A declaration with what the test does not care for filled in."""
        return maps.Declaration(
            **{
                "name": name,
                "function_id": FUNCTION,
                "environment_id": ENVIRONMENT,
                "requirement_id": self.requirement,
                "postprocess_requirement_id": self.requirement,
            }
            | changes
        )

    def declare(self, values: Iterable[object], name: str = "m", **changes: Any) -> maps.Outcome:
        """Declare a map over values; rows made by :func:`row` are taken as they are."""
        rows = (value if isinstance(value, maps.Parameters) else row(value) for value in values)
        return maps.declare(self.database, self.id, self.declaration(name, **changes), rows)

    def worker(self, **changes: Any) -> Membership:
        """A worker of this process, or of another machine where its boot id says so."""
        known = {
            "workflow_id": self.id,
            "host": "here",
            "pid": os.getpid(),
            "boot_id": machine.boot_id(),
            "process_start": machine.process_start(),
        }
        return leases.join(self.database, Introduction(**known | changes))

    def exchange(self, worker: Membership, n: int | None = None, **changes: Any) -> claims.Answer:
        """Exchange, with room for ``n`` jobs of each group."""
        room = None if n is None else (lambda _group, _ready, _workers: n)
        return claims.exchange(self.database, self.id, worker.id, room=room, **changes)

    def claim(self, worker: Membership, n: int = 1000) -> list[Claim]:
        """Claim up to ``n`` jobs of each group."""
        return self.exchange(worker, n).claims

    def complete(
        self, worker: Membership, done: Sequence[Claim], status: JobStatus = JobStatus.COMPLETED, **changes: Any
    ) -> None:
        """End attempts."""
        self.exchange(worker, completions=[completion(claim, status, **changes) for claim in done])

    def run_all(self, worker: Membership) -> int:
        """Run what there is until nothing is ready; returns how many jobs that were."""
        n = 0
        while found := self.claim(worker):
            self.complete(worker, found)
            n += len(found)
        return n

    def values(self, name: str = "m") -> list[str]:
        """The parameters of a map in the order of the last call."""
        map_ = maps.find(self.database, self.id, name)
        assert map_ is not None
        with self.database.read() as connection:
            found = connection.execute(
                select(schema.jobs.c.id, schema.jobs.c.params)
                .where(schema.jobs.c.map_id == map_.id)
                .order_by(schema.jobs.c.id)
            ).all()
        texts = {job.id: job.params for job in found}
        order = maps.order_of(map_)
        return list(texts.values()) if order is None else [texts[job_id] for job_id in order]

    def job(self, job_id: int) -> Any:
        """A job's row."""
        with self.database.read() as connection:
            return connection.execute(select(schema.jobs).where(schema.jobs.c.id == job_id)).one()

    def jobs(self, map_id: int) -> list[Any]:
        """The rows of a map's jobs, visible or not."""
        with self.database.read() as connection:
            return list(
                connection.execute(
                    select(schema.jobs)
                    .where(schema.jobs.c.workflow_id == self.id, schema.jobs.c.map_id == map_id)
                    .order_by(schema.jobs.c.id)
                )
            )

    def counts(self) -> dict[str, int]:
        """How many jobs stand in each status, by the kept counts."""
        with self.database.read() as connection:
            return {status.label: n for status, n in counts.total(connection, self.id).items()}

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        with self.database.read() as connection:
            return int(connection.scalar(select(func.count()).select_from(schema.metadata.tables[table])) or 0)

    def set_worker(self, worker: Membership, **values: Any) -> None:
        """Write a worker's row, as time or a crash would."""
        table = schema.workers
        with self.database.write() as connection:
            connection.execute(table.update().where(table.c.id == worker.id).values(values))


def check_counts(database: Database) -> None:
    """Compare the kept counts with the jobs themselves, group by group."""
    kept, jobs, maps_ = schema.job_counts, schema.jobs, schema.maps
    group = ("workflow_id", "map_id", "requirement_id", "status")
    with database.read() as connection:
        summed = connection.execute(
            select(*(kept.c[name] for name in group), func.sum(kept.c.n)).group_by(*(kept.c[name] for name in group))
        )
        visible = (jobs.c.map_id == 0) | jobs.c.map_id.in_(select(maps_.c.id).where(maps_.c.state == "ready"))
        counted = connection.execute(
            select(*(jobs.c[name] for name in group), func.count())
            .where(visible)
            .group_by(*(jobs.c[name] for name in group))
        )
        assert {tuple(found[:4]): int(found[4]) for found in summed if found[4]} == {
            tuple(found[:4]): found[4] for found in counted
        }
