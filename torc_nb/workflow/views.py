"""The live views of this process: one of each workflow, however often and through whatever it is shown."""

from __future__ import annotations

from torc_nb.api import Api
from torc_nb.widgets.view import ProgressView
from torc_nb.workflow.steering import Steering

_views: dict[tuple[str, int], ProgressView] = {}


def view_of(api: Api, workflow_id: int, name: str) -> ProgressView:
    """Return the view of a workflow; a new one where it was closed."""
    key = (api.database.url, workflow_id)
    if key not in _views or _views[key].is_closed:
        _views[key] = ProgressView(Steering(api, workflow_id, name), name)
    return _views[key]
