"""Faults of a machine: full and read-only disks, wrong clocks, huge results and outputs, daemons, closed streams."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from services.early import ASKED

from torc_nb.models.growth import Growth
from torc_nb.models.quantities import MIB
from torc_nb.store import events
from torc_nb.worker.attempt import OUTPUT_LIMIT
from torc_nb.worker.log import Log
from worker.conftest import Site, are_gone

slow = pytest.mark.skipif(not os.environ.get(ASKED), reason=f"slow; {ASKED}=1 runs it")


def _on_a_disk_of(size: str, folder: Path, *, options: str = "", then: str = "true") -> list[str]:
    """What starts a process that sees another, small disk in the place of a folder; nobody else does."""
    script = f'mount -t tmpfs -o size={size},mode=0700{options} small "$1" && {then} && shift && exec "$@"'
    start = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder)]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.which("unshare") is None or subprocess.run([*start, "true"], capture_output=True).returncode:
        pytest.skip("no filesystem can be mounted here")
    return start


def test_a_full_disk_for_values_fails_the_jobs_that_need_it(any_site: Site) -> None:
    """They say why; small results are kept, and the worker goes on."""
    small = _on_a_disk_of("8m", any_site.files / "values")
    map_id = any_site.map(lambda row: "x" * row, [3, 12 * MIB, 4, 3 * MIB])
    assert any_site.run(num_cpus=1, within=small) == {"completed": 3, "failed": 1}
    failed = next(job for job in any_site.jobs() if job.row == 1)
    error = any_site.result(failed.id)
    assert error.error_type == "torc_nb.errors.CannotStore"
    assert "cannot be written to" in error.error
    assert "No space left on device" in error.error
    assert any_site.files.joinpath("values").is_dir()
    assert len(any_site.attempts()) == 4
    assert map_id


def test_a_full_disk_for_logs_costs_the_output_alone(site: Site) -> None:
    """Results are recorded, what was printed while there was room is kept, and the worker says so once."""
    small = _on_a_disk_of("64k", site.files / "logs")

    def run(row: int) -> int:
        print("x" * 30_000)
        return row

    map_id = site.map(run, range(6))
    assert site.run(num_cpus=1, within=small) == {"completed": 6}
    assert site.values(map_id) == list(range(6))
    lengths = [attempt.stdout_bytes for attempt in site.attempts()]
    assert lengths == [30_001, 30_001, 0, 0, 0, 0]
    assert site.said().count("what jobs print cannot be kept") == 1
    assert "No space left on device" in site.said()


def test_a_log_goes_on_where_it_was_when_there_is_room_again(tmp_path: Path) -> None:
    """What went in by halves is taken out, so that every offset is right."""
    log = Log(tmp_path, 1)
    assert log.append(b"one", b"") == 0
    kept, log._descriptor = log._descriptor, os.open("/dev/full", os.O_WRONLY)
    assert log.append(b"two", b"") is None
    os.close(log._descriptor)
    log._descriptor = kept
    assert log.append(b"three", b"") == 3
    log.close()
    assert (tmp_path / "1.log").read_bytes() == b"onethree"


def test_a_full_disk_for_scratch_fails_the_jobs_that_need_it(site: Site) -> None:
    """A job's own files are its own affair: the others go on, and what it left goes with it."""
    small = _on_a_disk_of("4m", site.folder / "tmp")

    def run(row: int) -> int:
        from torc_nb import current_job

        (current_job().scratch / "much").write_bytes(bytes(row * 1024 * 1024))
        return row

    site.map(run, [1, 8, 2, 3])
    assert site.run(num_cpus=1, within=small, environ={"TMPDIR": str(site.folder / "tmp")}) == {
        "completed": 3,
        "failed": 1,
    }
    failed = next(job for job in site.jobs() if job.row == 1)
    assert "No space left on device" in site.result(failed.id).error


def test_output_that_fills_the_disk_fails_its_job_alone(site: Site) -> None:
    """The next one has the room again."""
    small = _on_a_disk_of("4m", site.folder / "tmp")

    def run(row: int) -> int:
        for _ in range(row):
            print("x" * 1023)
        return row

    site.map(run, [10, 8 * 1024, 11])
    assert site.run(num_cpus=1, within=small, environ={"TMPDIR": str(site.folder / "tmp")}) == {
        "completed": 2,
        "failed": 1,
    }
    failed = next(job for job in site.jobs() if job.row == 1)
    assert "No space left on device" in site.result(failed.id).error
    assert site.printed(site.jobs()[2].id)[0].endswith("x" * 1023 + "\n")


#: Python takes /tmp, or the current folder, where TMPDIR cannot be written; here there is nothing else.
NOTHING_ELSE = "import tempfile; tempfile.tempdir = {!r}; "


def test_a_worker_without_a_place_for_scratch_says_so(site: Site) -> None:
    """It does not begin; its jobs are for others."""
    site.map(lambda row: row, range(2))
    place = site.folder / "tmp"
    read_only = _on_a_disk_of("1m", place, options=",ro")
    worker = site.worker(num_cpus=1, within=read_only, prelude=NOTHING_ELSE.format(str(place)))
    assert worker.wait(30) == 1
    assert "has no place for temporary files" in site.said()
    assert "Read-only file system" in site.said()
    assert "Traceback" not in site.said()
    assert site.statuses() == {"ready": 2}
    assert site.workers() == []


def test_a_worker_whose_scratch_fills_up_for_good_leaves(site: Site) -> None:
    """Where no child can be started it gives its jobs back, and says why."""
    place = site.folder / "tmp"
    one_inode_left = _on_a_disk_of("1m", place, options=",nr_inodes=2")
    site.map(lambda row: row, range(2))
    worker = site.worker(num_cpus=1, within=one_inode_left, prelude=NOTHING_ELSE.format(str(place)))
    assert worker.wait(30) == 1
    assert f"no job can be started: {place}: No space left on device" in site.said()
    assert site.statuses() == {"ready": 2}
    assert [one.state for one in site.workers()] == ["left"]


@pytest.mark.parametrize("there", ["true", 'mkdir "$1"/logs'])
def test_a_workflows_folder_that_cannot_be_written_is_named(site: Site, there: str) -> None:
    """At once, before any job is claimed."""
    site.map(lambda row: row, range(2))
    read_only = _on_a_disk_of("1m", site.files, then=f'{there} && mount -o remount,ro "$1"')
    assert site.worker(num_cpus=1, within=read_only).wait(30) == 1
    assert f"cannot use the workflow's folder {site.files}" in site.said()
    assert "Traceback" not in site.said()
    assert site.statuses() == {"ready": 2}


FULL = """
import os, sys, time
from pathlib import Path
from torc_nb import UserDataModel, Workflow

here = Path(sys.argv[1])
wf = Workflow("full", db=here / "small" / "torc.db", files=here / "files")
def run(x):
    import time
    time.sleep(0.02)
    return x
m = wf.map(run, range(300))
wf.run(num_cpus=2)
while wf.status().finished < 20:
    time.sleep(0.02)
filler = os.open(here / "small" / "filler", os.O_WRONLY | os.O_CREAT)
try:
    for size in (1 << 16, 1 << 12, 1):
        while True:
            try:
                os.write(filler, bytes(size))
            except OSError:
                break
    try:
        while True:  # what the journal has room for already
            wf.api.create_user_data(UserDataModel(workflow_id=wf.id, name="x", data="x" * 100_000))
    except Exception as error:
        print(type(error).__name__, error)
    time.sleep(8)
finally:
    os.close(filler)
    (here / "small" / "filler").unlink()
wf.wait(timeout=60, progress=False)
assert list(m) == list(range(300))
assert m.results(provenance=True)["job.attempt"].max() == 1
assert len(wf.workers()) == 1, wf.workers()
print((here / "files" / str(wf.id)).joinpath("launches").glob("*/0.log").__next__().read_text())
wf.api.cancel_allocations(wf.id)
"""


def test_a_full_disk_under_the_database_is_an_outage(tmp_path: Path) -> None:
    """The kernel is told; the worker goes on with what it has, and records all when there is room again."""
    start = _on_a_disk_of("3m", tmp_path / "small")
    (tmp_path / "study.py").write_text(FULL)
    ran = subprocess.run(
        [*start, sys.executable, tmp_path / "study.py", tmp_path], capture_output=True, text=True, timeout=110
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "DatabaseUnavailable Database(" in ran.stdout
    assert "cannot be written: database or disk is full. Make room on its disk" in ran.stdout
    assert "it goes on with what it has" in ran.stdout


READ_ONLY = """
import sys
from pathlib import Path
from torc_nb.errors import DatabaseError
from torc_nb.store import Database
import subprocess

here = Path(sys.argv[1])
Database.open(here / "torc.db").close()
subprocess.run(["mount", "-o", "remount,ro", here], check=True)
for name in ("torc.db", "new.db", "below/new.db"):
    try:
        Database.open(here / name)
    except DatabaseError as error:
        print(name, error)
"""


def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    """Where a database is, or would be."""
    start = _on_a_disk_of("2m", tmp_path / "small")
    (tmp_path / "study.py").write_text(READ_ONLY)
    ran = subprocess.run(
        [*start, sys.executable, tmp_path / "study.py", tmp_path / "small"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    first, second, third = ran.stdout.splitlines()
    assert first.startswith("torc.db Database(")
    assert "cannot be written" in first
    assert second.endswith("new.db cannot be made: Read-only file system.")
    assert third.endswith("new.db cannot be made: Read-only file system.")


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off(far_site: Site, hours: int) -> None:
    """On one node: its worker neither loses its lease nor takes others'. Leases go by the database's time."""
    short = (
        "from torc_nb.store import leases; from torc_nb.worker import ledger; "
        "leases.LEASE, ledger.HEARTBEAT, ledger.INSPECTION = 2.0, 0.3, 0.3; "
    )
    elsewhere = "from torc_nb.store import machine; machine.boot_id = lambda: {!r}; "
    wrong = f"import time; right = time.time; time.time = lambda: right() + {3600 * hours}; "

    def run(row: int) -> int:
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        time.sleep(7.0 if row < 2 else 0.05)
        return row

    map_id = far_site.map(run, range(12))
    first = far_site.worker(num_cpus=1, prelude=short + elsewhere.format("one") + wrong)
    far_site.until(lambda: far_site.statuses().get("running"))
    second = far_site.worker(num_cpus=1, prelude=short + elsewhere.format("two"))
    assert first.wait(60) == 0, far_site.said(0)
    assert second.wait(60) == 0, far_site.said(1)
    assert far_site.values(map_id) == list(range(12))
    assert set(Counter(far_site.lines()).values()) == {1}
    assert {job.interruptions for job in far_site.jobs()} == {0}
    assert len(far_site.attempts()) == 12
    kinds = {event.kind for event in events.listed(far_site.database, far_site.id)}
    assert "worker joined" in kinds
    assert "worker lost" not in kinds
    assert [worker.state for worker in far_site.workers()] == ["left", "left"]


def _peak(process: subprocess.Popen[bytes], seconds: float) -> int:
    """The most memory that a worker itself has held, in bytes."""
    peak = 0
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
        time.sleep(0.05)
    return peak


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [300 * MIB, pytest.param(5 * 1024 * MIB, marks=slow)])
def test_a_huge_result_is_kept_and_the_worker_stays_small(site: Site, size: int) -> None:
    """It goes from the child to a file; worker and database see its name and size alone."""
    if shutil.disk_usage(site.folder).free < 2 * size or psutil.virtual_memory().available < 2.5 * size:
        pytest.skip("too little room here")

    def run(row: int) -> bytes:
        return bytes(row)

    site.map(run, [size, 1])
    worker = site.worker(num_cpus=1)
    assert _peak(worker, 500) < 200 * MIB
    assert worker.wait(1) == 0, site.said()
    assert site.statuses() == {"completed": 2}
    result = site.result(next(job.id for job in site.jobs() if job.row == 0))
    assert len(result.value) < 300
    assert result.peak_memory < 1.5 * size + 200 * MIB
    kept = [path for path in (site.files / "values").rglob("*") if path.is_file()]
    assert [path.stat().st_size for path in kept] == [size]
    kept[0].unlink()


def test_a_hundred_megabytes_of_output(site: Site) -> None:
    """Its head and tail are kept, and the worker stays small."""

    def run(row: int) -> None:
        for number in range(100):
            print(f"{number} " + "x" * (1 << 20))

    site.map(run, range(2))
    worker = site.worker(num_cpus=1)
    assert _peak(worker, 60) < 200 * MIB
    assert site.statuses() == {"completed": 2}
    for job in site.jobs():
        out = site.printed(job.id)[0]
        assert out.startswith("0 xxx")
        assert out.endswith("xxx\n")
        assert len(out) < OUTPUT_LIMIT + 100
    assert sum(path.stat().st_size for path in (site.files / "logs").iterdir()) < 2 * (OUTPUT_LIMIT + 100)


def daemon(row: int) -> int:
    """Start a process as daemons do: its parent is gone, its session its own, and it holds all that is open."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write_end, str(os.getpid()).encode())
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
    os.wait()
    return int(os.read(read_end, 20))


@pytest.fixture
def ended() -> Iterator[list[psutil.Process]]:
    """Processes that are killed where a test fails to see them end."""
    left: list[psutil.Process] = []
    yield left
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize("end", ["its own", "SIGTERM", "SIGKILL"])
def test_a_daemon_does_not_outlive_the_worker(site: Site, ended: list[psutil.Process], end: str) -> None:
    """Nor does it hold up its job; however the worker ends."""
    map_id = site.map(daemon, range(3))
    worker = site.worker(num_cpus=1, linger=3.0 if end == "its own" else 60.0)
    site.wait(20)
    ended += [psutil.Process(pid) for pid in site.values(map_id)]
    assert not are_gone(ended)
    if end != "its own":
        worker.send_signal(getattr(signal, end))
    worker.wait(30)
    site.until(lambda: are_gone(ended), 10)


def test_a_job_that_closes_its_streams(site: Site) -> None:
    """All three, in each way, says what it said before; the next job has them again."""

    def run(row: int) -> int:
        print(f"before {row}")
        if row % 2 == 0:
            if row % 4:
                sys.stdout.close()
                sys.stderr.close()
                sys.stdin.close()
            else:
                for number in range(3):
                    os.close(number)
        return row

    map_id = site.map(run, range(9))
    assert site.run(num_cpus=1) == {"completed": 9}
    assert site.values(map_id) == list(range(9))
    assert [site.printed(job.id)[0] for job in site.jobs()] == [f"before {row}\n" for row in range(9)]


def test_a_job_that_closes_all_there_is_fails_alone(site: Site) -> None:
    """As code does that makes itself a daemon: its answer has no way back."""

    def run(row: int) -> int:
        if row == 1:
            os.closerange(3, 4096)
        return row

    map_id = site.map(run, range(4))
    assert site.run(num_cpus=1) == {"completed": 3, "failed": 1}
    assert site.values(map_id) == [0, None, 2, 3]
    assert "its process ended itself" in site.result(site.jobs()[1].id).error


class Cgroup:
    """A real control group with a limit of memory, of either version."""

    def __init__(self, limit: int) -> None:
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        own = next((path for _, kinds, path in lines if "memory" in kinds.split(",")), None)
        if own is not None:
            parent, name = Path("/sys/fs/cgroup/memory") / own.lstrip("/"), "memory.limit_in_bytes"
        else:
            parent, name = Path("/sys/fs/cgroup") / lines[-1][2].lstrip("/"), "memory.max"
        self._folder = parent / f"torc-nb-test-{os.getpid()}"
        try:
            self._folder.mkdir()
            (self._folder / name).write_text(str(limit))
        except OSError as error:
            with contextlib.suppress(OSError):
                self._folder.rmdir()
            pytest.skip(f"no control group can be made here: {error}")

    @property
    def start(self) -> list[str]:
        """What starts a process within it."""
        return ["sh", "-c", f'echo $$ > "{self._folder}/cgroup.procs" && exec "$@"', "sh"]

    def close(self) -> None:
        """Remove it, when all processes in it are gone."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                self._folder.rmdir()
                return
            time.sleep(0.05)


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    """One of 400 MiB."""
    made = Cgroup(400 * MIB)
    yield made
    made.close()


def test_a_cgroups_limit_kills_the_job_and_not_the_worker(site: Site, cgroup: Cgroup) -> None:
    """It fails with the reason, and the others are run."""

    def run(row: int) -> int:
        return len(bytearray(row * 1024 * 1024))

    map_id = site.map(run, [1, 1500, 2, 3])
    assert site.run(num_cpus=1, memory=8 * 1024 * MIB, within=cgroup.start) == {"completed": 3, "failed": 1}
    assert site.values(map_id)[2:] == [2 * MIB, 3 * MIB]
    failed = site.result(site.jobs()[1].id)
    assert failed.error_type == "MemoryError"
    assert "killed by SIGKILL (Killed), probably by the kernel" in failed.error


def test_what_the_kernel_killed_is_tried_again_with_more(site: Site, cgroup: Cgroup) -> None:
    """As its control group tells who it was; what somebody else kills is not."""

    def run(row: int) -> int:
        with Path(f"tries-{row}").open("a") as tries:
            tries.write("x")
        if row == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return len(bytearray(1500 * MIB if Path(f"tries-{row}").stat().st_size < row else 1))

    site.map(run, range(4), memory=100 * MIB, policy={"growth": Growth(200 * MIB).stored()})
    assert site.run(num_cpus=1, memory=8 * 1024 * MIB, within=cgroup.start) == {"completed": 2, "failed": 2}
    killed, once, twice, thrice = [[one.error_type for one in site.attempts(job.id)] for job in site.jobs()]
    assert (killed, once) == (["SIGKILL"], [None])
    assert twice == ["MemoryError", None]
    assert thrice == ["MemoryError"] * 2
    assert "max_memory is 200 MiB" in site.result(site.jobs()[3].id).error
