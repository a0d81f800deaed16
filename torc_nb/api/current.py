"""What this process last opened, so that a command in a notebook means the workflow above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torc_nb import private
from torc_nb.api import choices
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import WorkflowModel

if TYPE_CHECKING:
    from torc_nb.api.api import Api

_api: Api | None = None
_workflow_id: int | None = None


def use(api: Api, workflow_id: int) -> None:
    """Make a database and a workflow the current ones of this process."""
    global _api, _workflow_id
    _api, _workflow_id = api, workflow_id


def follow(api: Api) -> None:
    """Make a database the current one, to which the workflow in use has moved."""
    global _api
    _api = api


def database() -> str | None:
    """Return the URL of the database that this process last opened."""
    return None if _api is None else _api.database.url


def is_trusted(url: str) -> bool:
    """Whether this process last opened this very database, and said that it is trusted."""
    return _api is not None and _api.database.trust and _api.database.url == url


def workflow(api: Api, chosen: str | int | None = None) -> WorkflowModel:
    """Return the workflow that is meant.

    The one named by id or name, else the current one of this process, else the one that the user chose in this
    database, else the only one.

    Raises
    ------
    InvalidRequest
        It is not clear; the message lists the workflows.
    """
    if chosen is not None:
        return _named(api, str(chosen))
    if _api is not None and _workflow_id is not None and api.database.url == _api.database.url:
        return api.get_workflow(_workflow_id)
    known = api.list_workflows()
    used = choices.chosen(api.database)
    for one in known:
        if one.id == used:
            return one
    if len(known) == 1:
        return known[0]
    raise InvalidRequest(f"Which workflow? Give -w with its name or id, or `%torc workflows use` it. {_listing(known)}")


def there(api: Api, name: str | None = None) -> WorkflowModel:
    """Return the newest workflow of a name, this user's before others'; without a name, where all have the same.

    Raises
    ------
    NotFound
        There is none.
    InvalidRequest
        There are several names; the message lists the workflows.
    """
    known = [one for one in api.list_workflows() if one.state != "deleted"]
    named = known if name is None else [one for one in known if one.name == name]
    if not named:
        what = "no workflow" if name is None else f"no workflow {name!r}"
        raise NotFound(f"There is {what} in {api.database.place}. {_listing(known)}")
    if len({one.name for one in named}) > 1:
        raise InvalidRequest(f"Which workflow? Name it, as in Workflow.open(…, {named[-1].name!r}). {_listing(known)}")
    return max(named, key=lambda one: (private.is_user(one.user), one.id or 0))


def _named(api: Api, text: str) -> WorkflowModel:
    if text.isdigit():
        return api.get_workflow(int(text))
    named = api.list_workflows(name=text)
    if named:
        return named[-1]
    raise InvalidRequest(f"There is no workflow {text!r}. {_listing(api.list_workflows())}")


def _listing(known: list[WorkflowModel]) -> str:
    if not known:
        return "This database has none yet; `%torc workflows create NAME` makes one."
    return "There are " + ", ".join(f"{one.name} ({one.id})" for one in known[-20:]) + "."
