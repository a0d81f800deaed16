"""Being told what became of a workflow, wherever one is by then."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from torc_nb.api import Api
from torc_nb.models.quantities import counted

if TYPE_CHECKING:
    import pandas as pd


class Notifying:
    """The commands that are called when something has become of a workflow."""

    _api: Api
    id: int
    name: str

    def notify(self, command: str | None, on: str | Collection[str] = ("done", "stuck", "failing")) -> None:
        """Have a shell command called when something has become of this workflow; a worker calls it, without a kernel.

        ::

            wf.notify('mail -s "$TORC_NB_MESSAGE" anna@example.org < /dev/null')

        It runs in the workflow's folder, for at most 60 s, with ``TORC_NB_EVENT``, ``TORC_NB_MESSAGE`` (one sentence),
        ``TORC_NB_WORKFLOW`` and ``TORC_NB_WORKFLOW_ID`` in its environment, once for each event of a run; that it fails
        is an event and nothing else. Saying it twice does it once.

        Parameters
        ----------
        command : str or None
            None takes all of them away.
        on : str or collection of str, optional
            ``"done"``: all jobs have finished. ``"stuck"``: jobs are left, and nothing goes on by itself.
            ``"failing"``: at least five jobs of the run failed, and at least half of those that ended.

        Raises
        ------
        InvalidRequest
            The command is empty, or ``on`` has what there is not.
        """
        if command is None:
            n = self._api.delete_notifications(self.id)
            print(f"{self.name}: {counted(n, 'notification')} removed")
            return
        kept = self._api.notify(self.id, command, on)
        print(f"{self.name}: notification {kept.id} is called when {' or '.join(kept.on)}")

    def notifications(self) -> pd.DataFrame:
        """Return the commands that are called, and what for; ``events(kind="notified")`` says when one was."""
        from torc_nb import frames
        from torc_nb.models import NotificationModel

        return frames.records(NotificationModel, self._api.list_notifications(self.id), drop=["workflow_id"])
