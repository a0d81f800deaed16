"""Whether what a database holds may run in this process: whoever wrote a pickle or a function chose what it does.

One's own work is trusted; another user's is where it is said so. Whose it is:

- An SQLite file is its owner's.
- A database on a server is that of the role that owns its tables: one's own, or one that one is a member of.
- One that is shared to be read is its sharer's.
- A copy is for looking at: nothing in it runs, whatever is said.
- A workflow is the user's whom it names. Whoever may write the database could write any name there: it keeps users of
  one database from running each other's code unawares, not from attacking each other.

Root is trusted: it may do everything anyway.
"""

from __future__ import annotations

from pathlib import Path
from weakref import WeakKeyDictionary

from sqlalchemy import text

from torc_nb import private
from torc_nb.errors import NotTrusted
from torc_nb.models import WorkflowModel
from torc_nb.store.database import Database

CURE = (
    "If you trust who wrote it as you trust yourself, say so: trust=True in Workflow(…) or make_api(…), "
    "--trust in a command."
)

_OTHER_OWNER = text(
    "SELECT pg_get_userbyid(relowner) FROM pg_class "
    "WHERE oid = CAST('workflows' AS regclass) AND NOT pg_has_role(relowner, 'MEMBER')"
)

#: Whose databases are, as asked once.
_other_owners: WeakKeyDictionary[Database, str | None] = WeakKeyDictionary()


def doubt(database: Database, workflow: WorkflowModel) -> str | None:
    """Say why nothing that a workflow holds may run here, and what to type; None where it may."""
    if database.is_copy:
        return f"{database.place} is a copy to look at, of which nothing runs."
    if database.trust:
        return None
    if (owner := _other_owner(database)) is not None:
        return f"{database!r} is {owner}'s. {CURE}"
    if not private.is_user(workflow.user):
        return f"Workflow {workflow.id} ({workflow.name}) is {workflow.user}'s. {CURE}"
    return None


def check(database: Database, workflow: WorkflowModel, what: str) -> None:
    """Make sure that what a workflow holds may run here.

    Parameters
    ----------
    what
        What would run it, as the beginning of a sentence: "A worker would run its functions".

    Raises
    ------
    NotTrusted
        Another user may have written it.
    """
    if (reason := doubt(database, workflow)) is not None:
        raise NotTrusted(f"{what}. {reason}")


def _other_owner(database: Database) -> str | None:
    """Whose a database is, where it is not the user's."""
    if database not in _other_owners:
        find = _owner_of_file if database.is_sqlite else _owner_of_tables
        _other_owners[database] = database.sharer or find(database)
    return _other_owners[database]


def _owner_of_file(database: Database) -> str | None:
    found = Path(database.engine.url.database or "").stat()
    return None if private.is_ours(found) else private.name_of(found.st_uid)


def _owner_of_tables(database: Database) -> str | None:
    with database.read() as connection:
        role: str | None = connection.scalar(_OTHER_OWNER)
    return role
