"""Some of a workflow's allocations canceled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from torc_nb import slurm
from torc_nb.api import make_api
from torc_nb.store import allocations


@pytest.fixture
def asked_of_slurm(finished: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three allocations in Slurm's queue, of which one runs; gives back what Slurm is asked to cancel."""
    api = make_api(finished / ".torc" / "torc.db")
    ids = allocations.create(api.database, 1, "slurm", 3)
    for id_, name in zip(ids, ("70_0", "70_1", "71"), strict=True):
        allocations.launched(api.database, id_, name, "/log")
    allocations.change(api.database, ids[0], state="running")
    api.database.close()
    asked: list[str] = []
    monkeypatch.setattr(slurm, "cancel", asked.extend)
    return asked


def test_one_is_canceled_by_its_id_in_slurm(terminal: Any, asked_of_slurm: list[str]) -> None:
    """Asked for first, where nobody answers with what to type; the others stay."""
    message = terminal.refuses("allocations cancel 70_1", 1)
    assert "`torc-nb allocations cancel 70_1 --yes`" in message
    assert asked_of_slurm == []
    assert "Canceled 1 allocation(s)" in terminal.says("allocations cancel 70_1 --yes")
    assert asked_of_slurm == ["70_1"]
    assert "No allocation 70_1 waits or runs" in terminal.refuses("allocations cancel 70_1 --yes", 1)


def test_an_array_or_what_waits(terminal: Any, asked_of_slurm: list[str]) -> None:
    """All tasks of an array by its id; of all, those that have not begun."""
    assert json.loads(terminal.says("allocations cancel --waiting --yes --json"))["canceled"] == 2
    assert asked_of_slurm == ["70_1", "71"]
    assert json.loads(terminal.says("allocations cancel 70 --yes --json"))["canceled"] == 1
    assert asked_of_slurm == ["70_1", "71", "70_0"]
    assert json.loads(terminal.says("allocations cancel --waiting --yes --json"))["canceled"] == 0
