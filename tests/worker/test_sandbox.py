"""What a job finds: its own output, folder, environment and random numbers, whatever the job before it did."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from torc_nb.worker import log
from torc_nb.worker.attempt import OUTPUT_LIMIT

from .conftest import Site


def speak(row: int) -> int:
    """Print in every way there is."""
    import ctypes
    import subprocess

    print(f"print {row}")
    print(f"error {row}", file=sys.stderr)
    os.write(1, f"fd {row}\n".encode())
    ctypes.CDLL(None).printf(f"C {row}\n".encode())
    subprocess.run(["sh", "-c", f"echo program {row}; echo complaint {row} >&2"], check=True)
    return row


def test_all_output_is_kept_per_attempt(site: Site) -> None:
    """Python's, C's and a program's output stands with the attempt that wrote it, and nowhere else."""
    site.map(speak, range(40))
    assert site.run() == {"completed": 40}
    for job in site.jobs():
        out, err = site.printed(job.id)
        expected = [f"{what} {job.row}" for what in ("C", "fd", "print", "program")]
        assert sorted(out.splitlines()) == expected
        assert err.splitlines() == [f"error {job.row}", f"complaint {job.row}"]


def test_much_output_is_kept_head_and_tail(site: Site) -> None:
    """Of 3 MB the first and last part are kept, of a job that died of it too, and the next job's is its own."""

    def run(row: int) -> None:
        if row < 2:
            print("first")
            for _ in range(3000):
                print("x" * 999)
            print("last", flush=True)
        if row == 1:
            os._exit(1)
        print("end")

    site.map(run, range(3))
    assert site.run(num_cpus=1) == {"completed": 2, "failed": 1}
    outputs = [site.printed(job.id)[0] for job in site.jobs()]
    for output in outputs[:2]:
        assert output.startswith("first\nxxx")
        assert "bytes left out" in output
        assert OUTPUT_LIMIT <= len(output.encode()) < OUTPUT_LIMIT + 100
    assert outputs[0].endswith("last\nend\n")
    assert outputs[1].endswith("last\n")
    assert outputs[2] == "end\n"


def test_what_a_job_printed_before_it_died_is_kept(site: Site) -> None:
    """The output of a killed process is read, flushed or not by C, as far as it reached the file."""

    def run(row: int) -> None:
        os.write(1, b"so far\n")
        os.kill(os.getpid(), 9)

    site.map(run, [0])
    assert site.run() == {"failed": 1}
    assert site.printed(site.jobs()[0].id)[0] == "so far\n"


def spoil(row: int) -> dict[str, object]:
    """Say what is found; a row of even number then spoils all of it."""
    import signal
    import warnings

    found = {
        "cwd": Path.cwd().name,
        "environ": dict(os.environ),
        "handler": str(signal.getsignal(signal.SIGTERM)),
        "warnings": str(warnings.filters),
        "umask": oct(os.umask(0o022)),
        "streams": [
            stream is original for stream, original in ((sys.stdout, getattr(sys, "_first_stdout", sys.stdout)),)
        ],
        "pid": os.getpid(),
    }
    os.umask(int(str(found["umask"]), 8))
    sys._first_stdout = sys.stdout  # type: ignore[attr-defined]
    print(f"I am {row}")
    if row % 2 == 0:
        import io

        sys.stdout = io.StringIO()
        sys.stderr = None  # type: ignore[assignment]
        print("lost")
        Path("gone").mkdir(exist_ok=True)
        os.chdir("gone")
        if row % 4 == 0:
            Path("../gone").rmdir()
        os.environ["SPOILT"] = "1"
        del os.environ["PATH"]
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        warnings.simplefilter("error")
        os.umask(0o777)
        os.close(1)
        os.close(0)
        os.open("/dev/null", os.O_RDWR)
    return found


def test_the_next_job_finds_everything_restored(site: Site) -> None:
    """A job that closes and replaces streams, moves, and changes environment, signals and filters spoils nothing."""
    site.variables["FROM_THE_NOTEBOOK"] = "ü"
    map_id = site.map(spoil, range(8))
    assert site.run(num_cpus=1) == {"completed": 8}
    found = site.values(map_id)
    for value in found[1:]:
        assert value == found[0]
    assert found[0]["cwd"] == "here"
    assert found[0]["environ"]["FROM_THE_NOTEBOOK"] == "ü"
    assert found[0]["environ"]["OMP_NUM_THREADS"] == "1"
    assert "PYTHONPATH" not in found[0]["environ"]
    for job in site.jobs():
        assert site.printed(job.id)[0] == f"I am {job.row}\n"


def test_jobs_have_the_users_umask_and_our_files_are_private(site: Site) -> None:
    """What a job writes has the mode the user is used to; what the worker writes is for the user alone."""

    def run(row: int) -> None:
        print("a word")
        Path("mine").write_text("")

    before = os.umask(0o027)
    try:
        site.map(run, [0])
        assert site.run() == {"completed": 1}
    finally:
        os.umask(before)
    assert (site.here / "mine").stat().st_mode & 0o777 == 0o640
    ours = [path for path in (site.files / "logs").iterdir() if path.is_file()]
    assert ours
    assert all(path.stat().st_mode & 0o077 == 0 for path in (site.files / "logs", *ours))


def draw(row: int) -> list[float]:
    """Draw random numbers from both of the usual places."""
    import random

    import numpy as np

    return [random.random(), float(np.random.rand())]


@pytest.mark.parametrize("num_cpus", [1, 2])
def test_random_numbers_differ_by_row_and_repeat(site: Site, num_cpus: int) -> None:
    """No two rows share a stream, and a rerun, in another process, draws the same."""
    from torc_nb.models import JobStatus
    from torc_nb.store import resetting

    map_id = site.map(draw, range(6), num_cpus=num_cpus)
    assert site.run(num_cpus=2) == {"completed": 6}
    first = site.values(map_id)
    assert len({number for numbers in first for number in numbers}) == 12
    resetting.rerun(site.database, site.id, [JobStatus.COMPLETED], [site.jobs()[row].id for row in (3, 5)])
    assert site.run(num_cpus=2) == {"completed": 6}
    assert site.values(map_id) == first
    assert len(site.attempts()) == 8


def test_reading_a_log_of_nothing_needs_no_file(tmp_path: Path) -> None:
    """An attempt that printed nothing reads as empty, whether or not its worker ever made a log."""
    assert log.read(tmp_path, 1, 0, 0, 0) == ("", "")


def test_memory_and_cpu_time_are_the_attempts_own(site: Site) -> None:
    """A small job after a large one in the same process has its own peak, and programs' CPU time is counted."""

    def run(row: int) -> int:
        import subprocess

        if row == 0:
            block = bytearray(200_000_000)
            return len(block)
        if row == 2:
            subprocess.run([sys.executable, "-c", "sum(range(8_000_000))"], check=True)
        return os.getpid()

    site.map(run, range(3))
    assert site.run(num_cpus=1) == {"completed": 3}
    large, small, with_program = site.attempts()
    assert large.peak_memory > 200_000_000
    assert small.peak_memory < 120_000_000
    assert small.cpu_seconds < 0.05
    assert with_program.cpu_seconds > 0.05
    assert with_program.cpu_seconds < 2 * with_program.seconds
