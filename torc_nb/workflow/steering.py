"""What the buttons of a view offer and do."""

from __future__ import annotations

from typing import Any

from torc_nb.api import Api, Status
from torc_nb.errors import InvalidRequest
from torc_nb.models import FAILURES
from torc_nb.models.quantities import counted
from torc_nb.models.sentences import sentence
from torc_nb.workflow.changing import ready_again

#: How many nodes can be asked for at once by a button.
MOST_NODES = 1000


class Steering:
    """A workflow as a view watches it, and what can be done about it from there."""

    def __init__(self, api: Api, workflow_id: int, name: str) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self._name = name

    def status(self) -> Status:
        """Return how the workflow stands, with what went wrong and what each worker does."""
        return self._api.watch(self._workflow_id)

    def ended(self, width: float, stretches: int) -> list[int]:
        """Count the attempts that ended in each of the last stretches of ``width`` seconds, the newest first."""
        return self._api.ended(self._workflow_id, width, stretches)

    def offers(self, status: Status) -> list[dict[str, Any]]:
        """Return what can be done now, each with its button's label and the question that is asked before.

        Who may only read is offered nothing.
        """
        if self._api.database.is_read_only:
            return []
        offers = [
            self._cancel(status), self._hold(status), self._rerun(status), self._worker(status), self._nodes(status),
        ]  # fmt: skip
        return [offer for offer in offers if offer is not None]

    def act(self, name: str, n: int) -> str:
        """Do what was offered, and say what was done.

        Raises
        ------
        InvalidRequest
            Nothing of that name is offered.
        TorcError
            It cannot be done; the message says why.
        """
        if name == "cancel":
            return f"{counted(self._api.cancel_workflow(self._workflow_id), 'job')} of {self._name} canceled."
        if name == "pause":
            return sentence(self._api.pause_workflow(self._workflow_id))
        if name == "resume":
            return sentence(self._api.resume_workflow(self._workflow_id))
        if name == "rerun":
            return ready_again(self._name, self._api.rerun(self._workflow_id, FAILURES))
        if name == "nodes":
            return sentence(self._api.schedule_nodes(self._workflow_id, n, more=True).message)
        if name == "worker":
            return sentence(self._api.run(self._workflow_id).message)
        raise InvalidRequest(f"A view has no button {name!r}.")

    def _cancel(self, status: Status) -> dict[str, Any] | None:
        left = status.total - status.finished
        if not left:
            return None
        brought = [
            *(["the workers"] if status.workers else []),
            *(["what waits in the queue"] if status.waiting else []),
        ]
        stopped = f", and stop {' and '.join(brought)}" if brought else ""
        question = (
            f"Cancel {counted(left, 'job')} that {'has' if left == 1 else 'have'} not finished{stopped}? Results stay."
        )
        return {"act": "cancel", "label": "Cancel …", "question": question, "yes": "Yes, cancel"}

    def _hold(self, status: Status) -> dict[str, Any] | None:
        if status.is_done:
            return None
        if status.workflow.state == "paused":
            question = "Let the jobs begin again?"
            return {"act": "resume", "label": "Resume …", "question": question, "yes": "Yes, resume"}
        if status.workflow.state != "started":
            return None
        question = "Let no further job begin until it is resumed? What runs goes on to its end."
        return {"act": "pause", "label": "Pause …", "question": question, "yes": "Yes, pause"}

    def _rerun(self, status: Status) -> dict[str, Any] | None:
        failed = sum(status.statuses.get(one, 0) for one in FAILURES)
        if not failed:
            return None
        question = f"Run {counted(failed, 'failed job')} again, with the code as it is now?"
        return {"act": "rerun", "label": "Rerun failed …", "question": question, "yes": "Yes, rerun"}

    def _worker(self, status: Status) -> dict[str, Any] | None:
        if status.is_done or status.workers or status.waiting:
            return None
        question = "Start a worker on this machine, in the background?"
        return {"act": "worker", "label": "Start a worker …", "question": question, "yes": "Yes, start"}

    def _nodes(self, status: Status) -> dict[str, Any] | None:
        if status.is_done or not self._api.has_slurm:
            return None
        return {
            "act": "nodes",
            "label": "More nodes …",
            "question": "How many more Slurm nodes are to be asked for?",
            "yes": "Ask Slurm",
            "unit": "nodes",
            "most": MOST_NODES,
        }
