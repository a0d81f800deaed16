"""How workflows stand, made up for what is to be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from torc_nb.api import MapStatus, Status
from torc_nb.models import JobStatus, WorkflowModel


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
