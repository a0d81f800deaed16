"""User data that do not outlast a run: a server's address, a scratch folder."""

from __future__ import annotations

from sqlalchemy import exists, or_, select, update

from torc_nb.models import FINISHED
from torc_nb.store import schema, staleness
from torc_nb.store.database import Database

_jobs = schema.jobs
_data = schema.user_data
_relations = schema.job_user_data


def clear(database: Database, workflow_id: int) -> int:
    """Empty them, but what a job is still to read that nobody will make anew; returns how many."""
    related = (_relations.c.user_data_id == _data.c.id) & (_jobs.c.id == _relations.c.job_id)
    waits = _jobs.c.status.not_in([int(status) for status in FINISHED])
    to_be_read = exists().where(related, _relations.c.relation == "consumes", waits, ~staleness.SET_ASIDE)
    made_anew = exists().where(related, _relations.c.relation == "stores", staleness.SET_ASIDE)
    chosen = (_data.c.workflow_id == workflow_id, _data.c.is_ephemeral, _data.c.data.is_not(None))
    with database.read() as connection:
        if connection.scalar(select(_data.c.id).where(*chosen).limit(1)) is None:
            return 0
    with database.write() as connection:
        emptied = connection.execute(
            update(_data)
            .where(*chosen, or_(~to_be_read, made_anew))
            .values(data=None, digest=None, rev=_data.c.rev + 1)
        )
    return int(emptied.rowcount)
