"""Which commands are called when something has become of a workflow."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import NotificationModel
from torc_nb.store import Database, notifications, workflows

#: What is told unless it is said otherwise: all there is.
EVENTS = ("done", "stuck", "failing")


class Notifying:
    """The notifications of workflows."""

    database: Database

    def notify(self, workflow_id: int, command: str, on: str | Collection[str] = EVENTS) -> NotificationModel:
        """Have a shell command called when all jobs have finished, nothing goes on, or many fail; once in each run.

        Saying it twice does it once; what is said last of ``on`` holds.

        Raises
        ------
        InvalidRequest
            The command is empty, or ``on`` has what there is not.
        """
        workflows.get(self.database, workflow_id)
        wanted = [on] if isinstance(on, str) else list(on)
        if unknown := [event for event in wanted if event not in EVENTS]:
            raise InvalidRequest(f"notify knows no event {unknown[0]!r}; on= takes {', '.join(EVENTS)}.")
        if not command.strip() or not wanted:
            raise InvalidRequest("notify takes a shell command, and at least one event: notify('…', on=['done']).")
        return notifications.keep(self.database, workflow_id, command, wanted)

    def list_notifications(self, workflow_id: int) -> list[NotificationModel]:
        """Return the commands that are called for a workflow."""
        return notifications.listed(self.database, workflow_id)

    def delete_notifications(self, workflow_id: int, chosen: Sequence[int] | None = None) -> int:
        """Call commands no more: those of these ids, or all; returns how many those were.

        Raises
        ------
        NotFound
            There is none of an id; nothing was removed.
        """
        known = [one.id for one in notifications.listed(self.database, workflow_id)]
        for id_ in chosen or ():
            if id_ not in known:
                there = ", ".join(map(str, known)) or "none"
                raise NotFound(f"There is no notification {id_} of workflow {workflow_id}; there is {there}.")
        return notifications.forget(self.database, workflow_id, chosen)
