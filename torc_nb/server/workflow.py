"""How one workflow stands: what the live view of a notebook shows, and its maps."""

from __future__ import annotations

import threading
import time

from torc_nb.api import Status, inspection
from torc_nb.server.asked import Asked, Data
from torc_nb.server.overview import by_label
from torc_nb.store import functions
from torc_nb.widgets import shown
from torc_nb.widgets.pace import Pace, Rate

#: Of how many workflows it is remembered how fast their jobs finish.
_MOST = 50

_paces: dict[tuple[str, int], Pace] = {}
_noting = threading.Lock()


def stands(asked: Asked) -> Data:
    """Tell how a workflow stands, with what went wrong and what each worker does."""
    status = asked.api.watch(asked.workflow_id)
    workflow = status.workflow
    return {
        "database": asked.database_id,
        "id": workflow.id,
        "name": shown.line(workflow.name),
        "user": shown.line(workflow.user),
        "description": shown.line(workflow.description, 1000),
        "state": workflow.state,
        "created": workflow.created,
        "run_id": workflow.run_id,
        "total": status.total,
        "finished": status.finished,
        "statuses": by_label(status.statuses),
        "is_done": status.is_done,
        "read_only": asked.api.database.is_read_only,
        "has_slurm": asked.api.has_slurm,
        "legend": shown.STATUSES,
        "jobs": shown.jobs(status, workflow.name, _rate(asked, status)),
        "workers": shown.workers(status),
        "allocations": shown.allocations(status),
        "failures": shown.failures(status),
        "trouble": None,
    }


def maps(asked: Asked) -> Data:
    """List the maps, in the order of their declaration; a single job of a function is none of them."""
    found = [one for one in asked.api.list_maps(asked.workflow_id) if not one.shape.get("of_job")]
    numbers = {one.map_id: one.statuses for one in inspection.status_of_maps(asked.api.database, asked.workflow_id)}
    called = functions.called(asked.api.database, asked.workflow_id)
    versions = asked.api.code_labels(asked.workflow_id)
    rows = [
        {
            "id": one.id,
            "name": shown.line(one.name),
            "function": shown.line(called.get(one.function_id, "")),
            "version": versions.get(one.function_id),
            "created": one.created,
            "blocked": bool(one.blocked),
            "postprocess": one.postprocess_id,
            "total": sum(numbers.get(one.id, {}).values()),
            "statuses": by_label(numbers.get(one.id, {})),
        }
        for one in found[asked.query.offset :][: asked.query.limit]
    ]
    return asked.page(rows, len(found))


def _rate(asked: Asked, status: Status) -> Rate | None:
    """How fast jobs finish, from the second look on, where any worker is there to go on so."""
    key = asked.api.database.url, asked.workflow_id
    with _noting:
        pace = _paces.pop(key, None) or Pace()
        _paces[key] = pace
        while len(_paces) > _MOST:
            del _paces[next(iter(_paces))]
        pace.observe(time.monotonic(), status.finished)
        return pace.rate if status.workers else None
