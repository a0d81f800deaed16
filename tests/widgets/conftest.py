"""How workflows stand, made up for what is to be shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from torc_nb.api import MapStatus, Status
from torc_nb.errors import LaunchError
from torc_nb.models import JobStatus, WorkflowModel


class Made:
    """A workflow that answers with one status after the other, the last one for ever; an exception is raised.

    It offers to cancel, and remembers what it was told to do.
    """

    def __init__(self, *answers: Status | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.told: list[tuple[str, int]] = []
        self.exhausted = threading.Event()
        self.recalled = [0]
        self.allowed = threading.Event()
        self.allowed.set()

    def status(self) -> Status:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if self.asked > len(self.answers) + 1:
            self.exhausted.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ended(self, width: float, stretches: int) -> list[int]:
        return self.recalled

    def offers(self, status: Status) -> list[dict[str, Any]]:
        return [{"act": "cancel", "label": "Cancel …", "question": f"Cancel {status.total} jobs?", "yes": "Yes"}]

    def act(self, name: str, n: int) -> str:
        assert self.allowed.wait(20)
        self.told.append((name, n))
        if n > 100:
            raise LaunchError("So many nodes there are not.")
        return "Done."


@pytest.fixture
def made() -> type[Made]:
    """A workflow made of answers: ``made(stands(ready=1), OSError("gone"), stands(completed=1))``."""
    return Made


@pytest.fixture
def stands() -> Callable[..., Status]:
    """Make a status from numbers by label: ``stands(completed=3, failed=1, name="sweep")``."""

    def make(name: str = "sweep", **given: Any) -> Status:
        numbers = {
            JobStatus.parse(label): given.pop(label) for label in [*given] if label.upper() in JobStatus.__members__
        }
        usual = {
            "maps": [MapStatus(1, "run", numbers)],
            "workers": [],
            "waiting": [],
            "failed": given.pop("allocations_failed", []),
        }
        return Status(WorkflowModel(id=1, name=name), numbers, **(usual | given))

    return make
