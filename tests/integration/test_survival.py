"""Nothing depends on the kernel: workers on this machine outlive whatever happens to it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.conftest import until
from services.kernel import CellFailed, Kernel
from services.workers import is_there, pids

from torc_nb.api import Api
from torc_nb.models import JobStatus

JOBS = 60
SQUARES = f"{[x * x for x in range(JOBS)]}\n"
CELL = f"""
import pathlib, time
from torc_nb import Workflow

def run(x):
    with pathlib.Path("ran").open("a") as ran:
        ran.write(f"{{x}}\\n")
    while x >= 10 and not pathlib.Path("go").exists():
        time.sleep(0.02)
    return x * x

wf = Workflow("sweep", files="files")
m = wf.map(run, range({JOBS}))
wf.run(num_cpus=2)
"""

#: Makes a program the leader of a session with the pty as its terminal, as a shell is.
OWN_TERMINAL = "import fcntl, os, termios\nos.setsid()\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"


def executions(folder: Path) -> Counter[str]:
    """How often each row ran, counted outside the database."""
    path = folder / "ran"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def in_mid_run(folder: Path) -> None:
    """Wait until some jobs have run and two run; none ends before it is told to."""
    until(lambda: len(executions(folder)) == 12)


def go_on(folder: Path) -> None:
    """Let the jobs end."""
    (folder / "go").touch()


def completes(api: Api, folder: Path) -> None:
    """All jobs complete, each run exactly once, by the one worker."""
    go_on(folder)
    until(lambda: api.progress(1).is_done)
    assert api.progress(1).statuses == {JobStatus.COMPLETED: JOBS}
    assert executions(folder) == Counter(str(x) for x in range(JOBS))
    assert len(api.list_workers(1)) == len(pids(api, 1)) == 1


def stop_button(kernel: Kernel) -> None:
    """Interrupt a cell that waits, which sends SIGINT to the kernel's whole process group."""
    waits = kernel.begin("pathlib.Path('waits').touch(); wf.wait(progress=False)")
    until(Path("waits").exists)
    kernel.interrupt()
    with pytest.raises(CellFailed, match="KeyboardInterrupt"):
        kernel.finish(waits)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "event",
    [stop_button, Kernel.restart, Kernel.shut_down, Kernel.kill],
    ids=["interrupt", "restart", "shutdown", "kill"],
)
def test_worker_outlives_the_kernel(kernel: Kernel, api: Api, tmp_path: Path, event: Callable[[Kernel], None]) -> None:
    """Whatever happens to the kernel, all jobs complete; a new one finds the workflow by its name."""
    kernel.run(CELL)
    in_mid_run(tmp_path)
    event(kernel)
    completes(api, tmp_path)
    with Kernel(tmp_path) as monday:
        assert f"opened sweep (1): {JOBS} jobs, 0 failed" in monday.run(
            "from torc_nb import Workflow; wf = Workflow('sweep')"
        )
        assert monday.run("print(wf['run'].results()['result'].tolist())") == SQUARES


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_worker_outlives_its_terminal(api: Api, tmp_path: Path) -> None:
    """The terminal is closed: its whole session gets SIGHUP, and the worker has left it."""
    script = tmp_path / "notebook.py"
    script.write_text(OWN_TERMINAL + CELL + "time.sleep(60)\n")
    master, slave = pty.openpty()
    program = subprocess.Popen([sys.executable, str(script)], stdin=slave, stdout=slave, stderr=slave, cwd=tmp_path)
    os.close(slave)
    in_mid_run(tmp_path)
    os.close(master)
    assert program.wait(timeout=60) == -signal.SIGHUP
    completes(api, tmp_path)


def test_killed_worker_is_replaced_and_all_completes(kernel: Kernel, api: Api, tmp_path: Path) -> None:
    """run() starts a new one at once; what the dead one had finished is not run again, what it held is."""
    kernel.run(CELL)
    in_mid_run(tmp_path)
    (pid,) = pids(api, 1)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_there(pid))
    done = {job.row for job in api.list_jobs(1, statuses=[JobStatus.COMPLETED])}
    assert "started a worker" in kernel.run("wf.run(num_cpus=2)")
    go_on(tmp_path)
    kernel.run("wf.wait(timeout=40, progress=False)")
    assert api.progress(1).statuses == {JobStatus.COMPLETED: JOBS}
    ran = executions(tmp_path)
    assert all(ran[str(row)] == 1 for row in done)
    assert kernel.run("print(m.results()['result'].tolist())") == SQUARES
    assert len(api.list_results(1)) == JOBS
