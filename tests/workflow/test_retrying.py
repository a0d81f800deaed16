"""``wf.map(…, retries=…, max_memory=…, postprocess_partial=…)``, as a notebook says it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torc_nb import Retry
from torc_nb.errors import InvalidRequest
from torc_nb.models.quantities import MIB
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


def test_a_job_that_needs_more_memory_is_tried_with_more(
    wf: Workflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, also why no worker takes it; a rerun does not begin with too little again."""
    tried = tmp_path / "tried"

    def run(x: int) -> int:
        with tried.open("a") as file:
            file.write("x")
        return len(bytearray(1 << 60)) if tried.stat().st_size == 1 else x

    m = wf.map(run, [7], memory="100m", max_memory="300m", memory_factor=2.5)
    wf.run(num_cpus=1, memory="150m")
    _until(lambda: m.jobs()["memory"].tolist() == [250 * MIB])
    (note,) = m.jobs()["note"]
    assert note == "needed more than 100 MiB, again with 250 MiB"
    told = str(wf.why(int(m.jobs().index[0])))
    assert "asks for more than the largest worker has: 250 MB of memory of 150 MB (needed more than 100 MiB" in told
    wf.run(num_cpus=1, memory="1g", more=True)
    wf.wait(timeout=40, progress=False)
    assert m.results()["result"].tolist() == [7]
    assert wf.api.list_results(wf.id)[0].error_type == "MemoryError"
    capsys.readouterr()
    wf.map(run, [7], memory="100m", max_memory="300m")
    assert "1 as before, policy changed" in capsys.readouterr().out
    wf.rerun(status="completed")
    assert m.jobs()["memory"].tolist() == [250 * MIB]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": "4g", "max_memory": "2g"}, "max_memory='2g' is less than memory=4 GB"),
        ({"max_memory": "2g", "memory_factor": 1}, "memory_factor=1: "),
        ({"memory_factor": 3}, "max_memory='32g'"),
        ({"postprocess_partial": True}, "there is no postprocess"),
    ],
)
def test_what_makes_no_sense_is_refused(wf: Workflow, options: dict[str, Any], said: str) -> None:
    """Before anything is written."""
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        wf.map(len, ["a"], **options)
    assert wf.jobs().empty


def test_postprocess_on_what_there_is(
    wf: Workflow, finish: Callable[[], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In input order, without those that failed, and said to be so; with all when these are rerun."""
    mended = tmp_path / "mended"

    def run(x: int) -> int:
        if x % 2 and not mended.exists():
            raise ValueError("odd")
        return x

    m = wf.map(run, [4, 3, 2, 1, 0], postprocess=lambda found: found, postprocess_partial=True)
    finish()
    assert m.postprocess_result() == [4, 2, 0]
    assert "postprocess on 3 of 5 results: 2 failed" in repr(m)
    assert wf.jobs()["note"].iloc[-1] == "on 3 of 5 results: 2 failed"
    mended.touch()
    wf.rerun(status="failed")
    finish()
    assert m.postprocess_result() == [4, 3, 2, 1, 0]
    assert "postprocess" not in repr(m)
    assert wf.jobs()["note"].isna().all()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
