"""One keeper at a time: whatever is killed or stopped, the server comes back, and there are never two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from services.ports import free_ports

from torc_nb.server_db import starting
from torc_nb.server_db.lease import Lease
from torc_nb.store import machine

from .conftest import AS_SOMEBODY, Study

BEGUN = """
import time
from pathlib import Path
from torc_nb import Workflow

def run(x):
    time.sleep(0.05)
    with Path("ran").open("a") as ran:
        ran.write(f"{x}\\n")
    return x

wf = Workflow("sweep")
wf.map(run, range(ROWS))
wf.run(num_cpus=2)
"""
RESULTS = """
from torc_nb import Workflow
m = Workflow("sweep")["run"]
m.wait(timeout=60, progress=False)
print(list(m) == list(range(ROWS)))
"""
KERNEL = """
import sys
from torc_nb import Workflow
wf = Workflow("sweep")
print("open", flush=True)
sys.stdin.readline()
wf.map(lambda x: x, range(5), name="late")
print(wf["late"])
"""


@pytest.fixture
def running(study: Study) -> Study:
    """A study with a server."""
    study.torc("db", "start", "--backups", "none")
    return study


def family(study: Study) -> list[psutil.Process]:
    """The keeper and all that it started."""
    keeper = study.keeper()
    return [keeper, *keeper.children(recursive=True)]


def is_there_once(study: Study) -> None:
    """One server runs, and answers."""
    assert study.facts("db", "status")["state"] == "running"
    assert len(study.servers()) == 1


def finished(study: Study, rows: int) -> None:
    """All rows have their result, and each was run once: nobody lost any."""
    assert study.python(f"ROWS = {rows}" + RESULTS).splitlines()[-1] == "True"
    ran = (study.folder / "ran").read_text().split()
    assert sorted(map(int, ran)) == list(range(rows))


def test_the_server_is_killed_while_jobs_run(running: Study) -> None:
    """Its keeper starts it again; the worker goes on meanwhile, and each result arrives once."""
    running.python("ROWS = 200" + BEGUN)
    running.until((running.folder / "ran").exists)
    for _ in range(2):
        (server,) = running.servers()
        server.kill()
        running.until(lambda gone=server: [one for one in running.servers() if one.pid != gone.pid])
        time.sleep(1.0)
    finished(running, 200)
    assert running.lease()["term"] == 1
    is_there_once(running)


def test_all_of_it_is_killed_while_jobs_run(running: Study) -> None:
    """The keeper too: the worker, alone with its jobs, has it started again."""
    running.python("ROWS = 400" + BEGUN)
    running.until((running.folder / "ran").exists)
    for process in family(running):
        with suppress(psutil.NoSuchProcess):  # the server has children that come and go
            process.kill()
    running.until(lambda: running.lease()["term"] == 2 and running.lease()["state"] == "running", 60)
    finished(running, 400)
    is_there_once(running)


def test_a_kernel_finds_it_gone(running: Study) -> None:
    """The call that finds out has it started, and succeeds."""
    kernel = subprocess.Popen(
        [*AS_SOMEBODY, sys.executable, "-c", KERNEL], cwd=running.folder, env=running._environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert kernel.stdout is not None
    while kernel.stdout.readline() != "open\n":
        pass
    running.keeper().kill()
    running.until(lambda: not running.servers())  # it does not outlive its keeper
    said, _ = kernel.communicate("go on\n", timeout=90)
    assert "5 uninitialized" in said
    is_there_once(running)
    assert running.lease()["term"] == 2


def test_a_keeper_that_is_stopped_for_longer_than_its_lease(running: Study) -> None:
    """Whoever starts the server ends it first, with all it keeps; there is one server, and the data are whole."""
    running.python(KERNEL.replace("sys.stdin.readline()", ""))
    stopped = family(running)
    for process in stopped:
        process.suspend()
    running.torc("db", "start", "--backups", "none")
    assert not [one for one in stopped if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    is_there_once(running)
    assert "late" in running.python("from torc_nb import Workflow; print(Workflow('sweep').maps)")


def test_a_lease_of_another_machine(running: Study) -> None:
    """It counts while its counter moves; where it stands still, the lock on the data decides."""
    keeper = running.keeper()
    keeper.suspend()
    lease = running.lease()
    foreign = lease | {"boot_id": "another", "host": "far-away"}
    (running.server / "lease.json").write_text(json.dumps(foreign))
    said = running.torc("db", "start", code=1)  # its server lives and holds the lock
    assert "is held by far-away, where it has done nothing for 20 s" in said
    assert len(running.servers()) == 1
    keeper.send_signal(signal.SIGKILL)
    running.until(lambda: not running.servers())
    running.torc("db", "start", "--backups", "none")
    is_there_once(running)
    assert running.lease()["term"] == lease["term"] + 1


def test_a_keeper_whose_term_is_over_ends_its_server(running: Study) -> None:
    """However it came that there is another one."""
    lease = running.lease()
    (running.server / "lease.json").write_text(json.dumps(lease | {"term": lease["term"] + 1, "boot_id": "another"}))
    running.until(lambda: not running.servers())


def test_a_keeper_that_leaves_while_it_is_counted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its counter moved a last time, and whoever saw that does not wait for it for ever."""
    keeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    lease = Lease(
        1, 7, "running", boot_id=machine.boot_id(), pid=keeper.pid, process_start=machine.process_start(keeper.pid)
    )
    lease._write(tmp_path)

    def leave() -> None:
        time.sleep(0.3)
        lease.renewed(tmp_path, state="leaving")
        time.sleep(0.7)
        keeper.kill()
        keeper.wait()

    def come(folder: Path, *, instead: bool) -> str:
        replace(Lease.read(folder), term=2, state="running")._write(folder)
        return ""

    monkeypatch.setattr(starting, "_launch", come)
    monkeypatch.setattr(starting, "_START_SECONDS", 20.0)
    leaving = threading.Thread(target=leave)
    leaving.start()
    assert starting.revive(tmp_path).term == 2
    leaving.join()


def test_many_that_start_it_at_once(study: Study) -> None:
    """One server, made once; all are content."""
    starts = [study.begin("import sys; sys.argv = ['torc-nb', 'db', 'start', '--backups', 'none']; "
                          "from torc_nb.cli import main; main()") for _ in range(4)]  # fmt: skip
    for one in starts:
        said, _ = one.communicate(timeout=120)
        assert "The database server runs on" in said
    is_there_once(study)


def test_it_moves_to_another_port_while_jobs_run(running: Study) -> None:
    """Workers ask anew where it is."""
    running.python("ROWS = 300" + BEGUN)
    running.until((running.folder / "ran").exists)
    running.torc("db", "stop")
    (port,) = free_ports(1)
    running.torc("db", "start", "--backups", "none", "--port", str(port))
    assert running.facts("db", "status")["where"].endswith(f":{port}")
    finished(running, 300)


def test_gone_for_good(running: Study) -> None:
    """Workers leave after their idle time with the results on disk; the next start takes them in."""
    running.python("ROWS = 600" + BEGUN.replace("num_cpus=2", "num_cpus=2, idle_timeout=3"))
    running.until((running.folder / "ran").exists)
    time.sleep(1.0)
    running.torc("db", "stop")
    spool = running.folder / ".torc" / "files" / "1" / "spool"
    workers = [one for one in psutil.process_iter(["cmdline"]) if "torc_nb.worker" in (one.info["cmdline"] or [])]
    mine = [one for one in workers if str(running.folder) in " ".join(one.info["cmdline"])]
    assert mine
    running.until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in mine), 90)
    assert list(spool.iterdir())
    ran = (running.folder / "ran").read_text().split()
    running.torc("db", "start", "--backups", "none")
    assert list(spool.iterdir()) == []
    said = running.python("from torc_nb import Workflow; print(Workflow('sweep').status().statuses)")
    assert f"<JobStatus.COMPLETED: 5>: {len(ran)}" in said
