"""What a change affects runs again, and nothing else: with real kernels and real workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from services.kernel import Kernel
from services.workers import SEARCH_PATH, end_workers

from torc_nb.api import make_api, seldom
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow

START = """
import pathlib, time
from torc_nb import Workflow
wf = Workflow("sweep", files="files")
"""
SCALE = "SCALE = 2"
HELPER = """
def helper(x):
    return x + SCALE
"""
RUN = """
def run(params):
    # how it was before
    with pathlib.Path("ran").open("a") as ran:
        ran.write(str(params["x"]) + " ")
    return helper(params["x"])
"""
MAP = """
m = wf.map(run, [{"x": x, "name": f"p{x}"} for x in range(100)], key="name", postprocess=sum)
"""
FINISH = "wf.run(num_cpus=2); wf.wait(timeout=60, progress=False)"
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_a_change_of_one_of_a_hundred(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The story of a change, sentence by sentence: nothing, one parameter, comments, the cell, a helper, a global."""
    monkeypatch.setenv("PYTHONPATH", SEARCH_PATH)
    monkeypatch.setenv("TORC_NB_DATABASE_URL", store_url)
    ran = tmp_path / "ran"

    def again() -> list[str]:
        """What ran since last asked."""
        kernel.run(FINISH)
        numbers = sorted(ran.read_text().split(), key=int) if ran.exists() else []
        ran.unlink(missing_ok=True)
        return numbers

    with Kernel(tmp_path) as kernel:
        for cell in (START, SCALE, HELPER, RUN, MAP):
            kernel.run(cell)
        assert again() == [str(x) for x in range(100)]

        said = kernel.run("wf.reinitialize()")
        assert said == "nothing changed: none of 101 jobs runs again\n"  # not a word on `sum`, which is built in
        assert kernel.run("len(wf.reinitialize(dry_run=True))").endswith("0")
        assert again() == []

        kernel.run(MAP.replace('{"x": x,', '{"x": 700 if x == 7 else x,'))
        shown = kernel.run("df = wf.reinitialize(dry_run=True); print(df[['reason', 'difference']].to_dict('index'))")
        assert "1 of 101 jobs would be ready again (1 parameter changed), 1 would wait; run id 2" in shown
        assert "{8: {'reason': 'parameter changed', 'difference': 'x: 7 -> 700'}" in shown
        assert "101: {'reason': 'downstream of job 8'" in shown
        assert again() == []  # it was a dry run
        said = kernel.run("wf.reinitialize()")
        assert "1 of 101 jobs is ready again (1 parameter changed), 1 waits; run id 2" in said
        assert again() == ["700"]
        assert kernel.run("m.postprocess_result()") == str(sum(range(100)) - 7 + 700 + 200)
        assert kernel.run("[row.run_id for row in wf.api.list_results(1, 8)]") == "[1, 2]"

        kernel.run(RUN.replace("# how it was before", '"""Says what it does."""\n    # and why\n\n'))
        kernel.run("# a cell with another number\n" + HELPER)
        assert "nothing changed" in kernel.run("wf.reinitialize()")

        for cell in (RUN.replace("helper(", "1 + helper("), HELPER.replace("x + SCALE", "x * SCALE"), "SCALE = 3"):
            kernel.run(cell)
            assert "100 of 101 jobs would be ready again (100 code changed), 1 would wait" in kernel.run(
                "df = wf.reinitialize(dry_run=True)"
            )
        assert (
            kernel.run("df.reason.value_counts().to_dict()")
            == "{'code changed': 100, 'downstream of job 1 and 99 more': 1}"
        )
        assert '+    return 1 + helper(params["x"])' in kernel.run("print(df.difference.iloc[0])")
        kernel.run("wf.reinitialize()")
        assert len(again()) == 100
        assert kernel.run("m.postprocess_result()") == str(3 * (sum(range(100)) - 7 + 700) + 100)
        assert "nothing changed" in kernel.run("wf.reinitialize()")

        kernel.run("SCALE = 4\nimport sys")
        said = kernel.run("wf.accept_results()")
        assert "100 result(s) of sweep count as those of the code as it is now" in said
        assert "nothing changed" in kernel.run("wf.reinitialize()")
        assert kernel.run("set(m.results(provenance=True)['job.code'])") == "{'v2'}"
    api = make_api(store_url)
    end_workers(api)
    api.database.close()


def test_failed_jobs_are_left_alone(
    wf: Workflow, finish: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed one runs again, failed or not; the other failed ones stay so, and the line that runs them is named."""
    wf.map(_reciprocal, [{"n": n, "x": n % 2} for n in range(6)], key="n")
    finish()
    rows = [{"n": n, "x": 1 if n in (0, 1) else n % 2} for n in range(6)]
    rows[1]["x"] = 5
    wf.map(_reciprocal, rows, key="n")
    capsys.readouterr()
    wf.reinitialize()
    assert capsys.readouterr().out.startswith(
        "2 of 6 jobs are ready again (2 parameter changed); run id 2; "
        "2 failed jobs are unaffected: wf.rerun(status='failed') runs them again\n"
    )
    finish()
    assert wf.status().statuses == {JobStatus.COMPLETED: 4, JobStatus.FAILED: 2}
    assert wf.rerun(where={"x": 0}) == 2
    assert wf.rerun("completed", where=lambda row: row["n"] == 5) == 1


def _reciprocal(row: dict[str, int]) -> float:
    return 1 / row["x"]


def test_reinitialize_while_jobs_run(wf: Workflow, tmp_path: Path, finish: Callable[[], None]) -> None:
    """What runs and is affected ends as an attempt of the old run and begins anew; the others go on, once each."""
    rows = [{"n": n, "x": n, "log": str(tmp_path / "ran"), "gate": str(tmp_path / "gate")} for n in range(6)]
    wf.map(_wait_at_gate, rows, key="n", postprocess=sum)
    wf.run(num_cpus=2)
    _until(lambda: wf.status().statuses.get(JobStatus.RUNNING, 0) == 2)
    running = wf.jobs(status="running").index.tolist()
    rows[running[0] - 1]["x"] = 100
    wf.map(_wait_at_gate, rows, key="n", postprocess=sum)
    report = wf.api.reinitialize(wf.id)
    assert (report.ready, report.waits, report.run_id) == (1, 0, 2)
    _until(lambda: len(wf.api.list_results(wf.id, running[0])) == 1)
    (tmp_path / "gate").touch()
    finish()
    assert wf.status().statuses == {JobStatus.COMPLETED: 7}
    attempts = {job: wf.api.list_results(wf.id, job) for job in range(1, 7)}
    assert [(one.run_id, one.late) for one in attempts[running[0]]] == [(1, True), (2, False)]
    assert all(len(found) == 1 for job, found in attempts.items() if job != running[0])
    ended = (tmp_path / "ran").read_text().split()
    assert sorted(map(int, ended)) == sorted(row["x"] for row in rows)
    assert list(wf.maps[0]) == [row["x"] for row in rows]
    assert wf.maps[0].postprocess_result() == sum(row["x"] for row in rows)


def _wait_at_gate(row: dict[str, int | str]) -> int | str:
    from pathlib import Path
    from time import sleep

    while not Path(str(row["gate"])).exists():
        sleep(0.01)
    with Path(str(row["log"])).open("a") as log:
        log.write(f"{row['x']} ")
    return row["x"]


def test_rerun_of_a_row_while_its_postprocess_runs(wf: Workflow, tmp_path: Path, finish: Callable[[], None]) -> None:
    """The postprocess is stopped, and collects anew when the row has run again."""
    gate = tmp_path / "gate"

    def collect(found: list[int]) -> int:
        import pathlib
        import time

        while not pathlib.Path(gate).exists():
            time.sleep(0.01)
        return sum(found)

    m = wf.map(abs, [-1, -2, -3], name="m", postprocess=collect)
    wf.run(num_cpus=2)
    _until(lambda: wf.status().statuses == {JobStatus.COMPLETED: 3, JobStatus.RUNNING: 1})
    assert wf.rerun(jobs=[1]) == 1
    gate.touch()
    finish()
    assert m.postprocess_result() == 6
    *stopped, collected = [row.late for row in wf.api.list_results(wf.id, 4)]
    assert not collected
    assert stopped in ([], [True])  # it passes the gate, or is stopped before that
    assert len(wf.api.list_results(wf.id, 1)) == 2


def test_two_that_reinitialize_at_once(wf: Workflow, store_url: str, finish: Callable[[], None]) -> None:
    """It is done once: one run more, and each affected job has one attempt more."""
    rows = [{"n": n, "x": 1} for n in range(200)]
    m = wf.map(_reciprocal, rows, key="n", postprocess=sum)
    finish()
    rows = [row | {"x": 2} if row["n"] < 50 else row for row in rows]
    wf.map(_reciprocal, rows, key="n")
    at = time.time() + 2.5
    code = (
        "import sys, time; from torc_nb import make_api; api = make_api(sys.argv[1]);"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()));"
        "print(api.reinitialize(int(sys.argv[3])).ready)"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, store_url, str(at), str(wf.id)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [int(one.communicate(timeout=60)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sum(said) == 50
    assert wf.status().workflow.run_id == 2
    finish()
    assert {len(wf.api.list_results(wf.id, job)) for job in m.jobs().index[:50]} == {2}
    assert {len(wf.api.list_results(wf.id, job)) for job in m.jobs().index[50:]} == {1}
    assert m.postprocess_result() == 175


def test_killed_in_mid_reinitialize(wf: Workflow, store_url: str, finish: Callable[[], None]) -> None:
    """Whatever moment it was killed at, calling it again leads to the same: each affected job has run once more."""
    rows = [{"n": n, "x": 1} for n in range(300)]
    m = wf.map(_reciprocal, rows, key="n", postprocess=sum)
    finish()
    wf.map(_reciprocal, [row | {"x": 2} for row in rows], key="n")
    code = (
        "import os, sys; from torc_nb import make_api; from torc_nb.store import moves, resetting, downstream\n"
        "resetting.PIECE = 20\n"
        "n, real = 0, moves.move\n"
        "def move(*arguments, **values):\n"
        "    global n\n"
        "    n += bool(arguments[1])\n"
        "    if n == int(sys.argv[3]):\n"
        "        os.kill(os.getpid(), 9)\n"
        "    real(*arguments, **values)\n"
        "moves.move = move\n"
        "make_api(sys.argv[1]).reinitialize(int(sys.argv[2]))"
    )
    for moves_before in (3, 14, 6):  # while jobs are set aside; when the postprocess is; while they become ready
        died = subprocess.run([sys.executable, "-c", code, store_url, str(wf.id), str(moves_before)])
        assert died.returncode == -signal.SIGKILL
    wf.reinitialize()
    finish()
    assert wf.status().statuses == {JobStatus.COMPLETED: 301}
    assert {len(wf.api.list_results(wf.id, job)) for job in range(1, 302)} == {2}
    assert m.postprocess_result() == 150
    assert wf.status().workflow.run_id == 2


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_versions_are_told_exactly_when_all_is_over(
    wf: Workflow, finish: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While jobs run the numbers by version may be old, by any time where counting takes long: not after the end."""
    monkeypatch.setattr(seldom, "SHARE", 1e-9)
    wf.map(lambda x: 100 // x, [5, 0, 10], name="run")
    assert "by v1" not in repr(wf)  # counted, and good for a very long time
    finish()
    wf.map(lambda x: 100 // (x or 1), [5, 0, 10], name="run")
    assert "by v1" not in repr(wf)
    wf.rerun(status="failed")
    finish()
    assert "run: 2 by v1, 1 by v2" in repr(wf)
