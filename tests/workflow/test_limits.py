"""``wf.map(…, max_failures=…)``, as a notebook says it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from torc_nb import cli
from torc_nb.errors import InvalidRequest, MapStopped
from torc_nb.widgets import shown
from torc_nb.workflow import Workflow


def test_a_sweep_that_fails_everywhere_is_stopped(
    wf: Workflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wait ends and says why, and so does all that shows it; mended and rerun, it goes on to its end."""
    mended = tmp_path / "mended"

    def run(x: int) -> int:
        if not mended.exists():
            time.sleep(0.01)
            raise FileNotFoundError(f"no input {x}")
        return x

    m = wf.map(run, range(3000), max_failures=10)
    after = wf.map(len, ["a"], name="after", blocked_by=m)
    wf.run(num_cpus=1)
    for one in (m, wf):
        with pytest.raises(MapStopped, match=r"^Map run is stopped: .* jobs failed \(max_failures=10\), most"):
            one.wait(timeout=60, progress=False)
    assert "run stopped at 10 failures" in repr(wf)
    (note, *others) = shown.jobs(wf.status(), "sweep")["notes"]
    assert re.match(r"run is stopped: \d+ jobs failed \(max_failures=10\), [\d,]+ will not begin\. wf\.fail", note)
    assert others == []
    capsys.readouterr()
    cli.run(["workflows", "status", "--db", wf.api.database.url, "-w", wf.name])
    assert re.search(r"map run is stopped: \d+ jobs failed \(max_failures=10\)", capsys.readouterr().out)
    assert "Workflow sweep has nothing to run: map run is stopped" in str(wf.why())
    ready = int(m.jobs(status="ready").index[0])
    assert f"Job {ready}, row" in str(wf.why(ready))
    assert "will not begin: map run is stopped" in str(wf.why(ready))
    blocked = str(wf.why(int(after.jobs().index[0])))
    assert "stopped at 10 failures)" in blocked
    assert "map stopped" in set(wf.events()["kind"])
    capsys.readouterr()
    wf.map(run, range(3000), max_failures=10)
    assert "max_failures" not in capsys.readouterr().out
    assert len(m.jobs(status="ready")) > 1000
    wf.map(run, range(3000), max_failures=20)
    assert "max_failures=20 (was 10)" in capsys.readouterr().out
    mended.touch()
    wf.rerun(status="failed")
    wf.run(num_cpus=2)
    wf.wait(timeout=60, progress=False)
    assert set(wf.jobs()["status"]) == {"completed"}


def test_a_limit_without_sense_leaves_nothing(wf: Workflow) -> None:
    """The call is refused before anything is written."""
    with pytest.raises(InvalidRequest, match="max_failures=0: give a number of failed jobs of at least 1"):
        wf.map(len, ["a"], max_failures=0)
    assert wf.jobs().empty
