"""All databases, and all workflows of all databases."""

from __future__ import annotations

from typing import Any

from torc_nb.models import JobStatus
from torc_nb.server.asked import Data
from torc_nb.server.lookout import Lookout
from torc_nb.store.standings import Standing
from torc_nb.widgets import shown


def databases(known: list[Lookout]) -> list[Data]:
    """List the databases: where they are, and why one does not answer."""
    return [{"id": one.id, "place": one.place, "kind": one.kind, "trouble": one.trouble} for one in known]


def workflows(known: list[Lookout]) -> list[Data]:
    """List the workflows; those of a database that does not answer as they were when it last did."""
    return [_workflow(one, standing) for one in known for standing in one.standings]


def _workflow(database: Lookout, standing: Standing) -> Data:
    workflow, statuses = standing
    total = sum(statuses.values())
    finished = sum(n for status, n in statuses.items() if status.is_finished)
    return {
        "database": database.id,
        "id": workflow.id,
        "name": shown.line(workflow.name),
        "user": shown.line(workflow.user),
        "state": workflow.state,
        "created": workflow.created,
        "total": total,
        "finished": finished,
        "statuses": by_label(statuses),
        "is_done": finished == total,
        "trouble": database.trouble,
    }


def by_label(statuses: dict[JobStatus, int]) -> dict[str, Any]:
    """Return how many jobs there are by the names of their statuses, in the order in which they stand in a bar."""
    return dict(shown.numbers(statuses))
