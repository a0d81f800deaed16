"""Results blessed under code that is not the one that made them."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index

from sqlalchemy import select

from torc_nb.models import JobStatus
from torc_nb.store import bulk, events, schema, staleness
from torc_nb.store.database import Database
from torc_nb.store.idsets import Ids, among
from torc_nb.store.staleness import Code

_jobs = schema.jobs
_results = schema.results

#: How many results one transaction changes.
PIECE = 5000


def accept(database: Database, workflow_id: int, code: Code, job_ids: Iterable[int] | None = None) -> int:
    """Let results of completed jobs count as those of the code as it now is; returns how many were not.

    Which version made a result stays to be seen: it is the fingerprint alone that changes.
    """
    stale = staleness.find(database, workflow_id, code).all()
    chosen = stale if job_ids is None else Ids(one for one in map(index, job_ids) if one in stale)
    n = 0
    for piece in chosen.pieces(PIECE):
        with database.write() as connection:
            digests = staleness.digests(connection, workflow_id, code)
            found = connection.execute(
                select(_jobs, _results.c.fingerprint)
                .join(_results, (_results.c.job_id == _jobs.c.id) & (_results.c.attempt == _jobs.c.result_attempt))
                .where(among(connection, _jobs.c.id, piece), _jobs.c.status == int(JobStatus.COMPLETED))
                .order_by(_jobs.c.id)
                .with_for_update(of=_jobs)
            ).all()
            rows = []
            for job in found:
                used, digest = bytes(job.fingerprint), digests.of(job)
                blessed = used[: len(job.params_digest)] + (digest or b"")
                if digest is not None and blessed != used:
                    rows.append((blessed, job.id, job.result_attempt))
            bulk.update_rows(connection, _results, ("job_id", "attempt"), ("fingerprint",), rows)
            if rows:
                events.add(database, connection, workflow_id, "results accepted", count=len(rows))
        n += len(rows)
    return n
