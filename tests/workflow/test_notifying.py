"""Being told, and finding out before, as the notebook's user types it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from torc_nb.errors import InvalidRequest
from torc_nb.workflow import Workflow

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_a_worker_tells_that_all_is_done(wf: Workflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While it waits for the next cell; the cell may run again and again; None takes it away."""
    told = tmp_path / "told"
    capsys.readouterr()
    for _ in range(2):
        wf.notify(f'echo "$TORC_NB_MESSAGE" >> {told}', on="done")
    assert capsys.readouterr().out == "sweep: notification 1 is called when done\n" * 2
    assert wf.notifications().on.tolist() == [["done"]]
    wf.map(lambda x: x, range(3), name="run")
    wf.run(num_cpus=1)
    deadline = time.monotonic() + 40
    while not (told.exists() and told.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert told.read_text() == "sweep: all 3 jobs have finished\n"
    capsys.readouterr()
    wf.notify(None)
    assert capsys.readouterr().out == "sweep: 1 notification removed\n"
    assert wf.notifications().empty


@ON_SQLITE
def test_what_makes_no_sense_is_refused(wf: Workflow) -> None:
    """What there is to be told is listed."""
    with pytest.raises(InvalidRequest, match=r"no event 'over'; on= takes done, stuck, failing"):
        wf.notify("mail me", on=["over"])
    with pytest.raises(InvalidRequest, match="at least one event"):
        wf.notify("mail me", on=[])
    with pytest.raises(InvalidRequest, match="a shell command"):
        wf.notify("  ")
    with pytest.raises(InvalidRequest, match="no option partitions; it has account"):
        wf.check(partitions="debug")


@ON_SQLITE
def test_a_check_is_a_table(wf: Workflow) -> None:
    """Its rows are what was looked at."""
    found = wf.check(job=False)
    assert found.loc["folder", "ok"]
    assert str(found.ok.dtype) == "boolean"
    assert list(found.columns) == ["ok", "seen", "advice"]
