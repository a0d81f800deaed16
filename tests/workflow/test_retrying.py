"""``wf.map(…, retries=…)``, as a notebook says it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from torc_nb import Retry
from torc_nb.errors import InvalidRequest
from torc_nb.workflow import Workflow


def test_a_policy_is_changed_by_mapping_again(
    wf: Workflow, finish: Callable[[], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It reruns nothing; a rerun has all tries anew; a failure is counted once, its tries can be seen."""
    tried = tmp_path / "tried"

    def run(x: int) -> int:
        if x:
            with tried.open("a") as file:
                file.write("x")
            raise OSError("away")
        return x

    m = wf.map(run, [0, 1], retries=1)
    finish()
    assert tried.read_text() == "xx"
    assert list(wf.failures()["count"]) == [1]
    assert len(wf.api.list_results(wf.id)) == 3
    capsys.readouterr()
    wf.map(run, [0, 1], retries=Retry(2, on=OSError))
    assert "2 as before, policy changed" in capsys.readouterr().out
    wf.rerun(status="failed")
    finish()
    assert tried.read_text() == "xx" + "xxx"
    assert list(m.jobs()["status"]) == ["completed", "failed"]


def test_a_policy_without_sense_leaves_nothing(wf: Workflow) -> None:
    """The call is refused before anything is written."""
    with pytest.raises(InvalidRequest, match="times=-1"):
        wf.map(len, ["a"], retries=-1)
    assert wf.jobs().empty
