"""What is seen of a database in passing."""

from __future__ import annotations

from torc_nb.api import Api
from torc_nb.api.glimpses import lasting
from torc_nb.models import JobStatus, WorkflowModel


def test_how_all_workflows_stand(api: Api, workflow: WorkflowModel) -> None:
    """The same numbers as of each alone, as they are shown, while others write."""
    assert workflow.id is not None
    other = api.create_workflow(WorkflowModel(name="other", files=workflow.files))
    seen = lasting(api.database.url)
    assert [(one.workflow.name, one.statuses) for one in seen.standings()] == [("sweep", {}), ("other", {})]
    first = api.map_function(workflow.id, lambda x: x, [1, 2, 3], name="first")
    api.map_function(workflow.id, lambda x: x, [1, 2], name="then", blocked_by_maps=[first.outcome.map_id])
    assert seen.standings()[0].statuses == {JobStatus.UNINITIALIZED: 5}
    api.start_workflow(workflow.id)
    assert seen.standings()[0].statuses == {JobStatus.READY: 3, JobStatus.BLOCKED: 2} == api.numbers(workflow.id)
    api.delete_workflow(other.id or 0)
    assert [one.workflow.name for one in seen.standings()] == ["sweep"]
    assert (seen.url, seen.place, seen.is_there) == (api.database.url, api.database.place, True)
