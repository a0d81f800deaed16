"""One contender timed in a fresh interpreter of its own, so that none inherits another's threads, imports or memory."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.contenders import CONTENDERS, Call, Contender
from tests.benchmarks.report import installed_version
from tests.benchmarks.workload import fresh_parameters

REPOSITORY = Path(__file__).resolve().parents[2]
WARM_UP_JOBS = 20
STARTUP_ALLOWANCE = 120.0


def peak_mib() -> float:
    """The most memory that this process had, in MiB; `getrusage` would count what it was before its `exec` too."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


class CouldNotRun(Exception):
    """A contender that gave no figure, and why."""


@dataclass(frozen=True)
class Timing:
    """What a trial gives: times in seconds; `jobs` is how many were counted."""

    jobs: int
    seconds: float
    startup_seconds: float
    version: str

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


def timing_of(name: str, jobs: int, cap_seconds: float, folder: Path, allowance: float = STARTUP_ALLOWANCE) -> Timing:
    """Time `name` on `jobs` jobs, or on as many as fit into `cap_seconds` where it is slow.

    Raises
    ------
    CouldNotRun
        With the last line the contender wrote, or how long it was waited for.
    """
    arguments = [name, str(jobs), str(cap_seconds), str(folder)]
    return Timing(**in_fresh_interpreter("tests.benchmarks.trial", arguments, 3 * cap_seconds + allowance))


def in_fresh_interpreter(
    module: str, arguments: Sequence[str], timeout: float, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run `python -m module` and read the JSON of its last line; what it started and left behind is ended with it."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    surroundings = {**os.environ, **(environment or {}), "PATH": programs, "PYTHONPATH": str(REPOSITORY)}
    with TemporaryDirectory(prefix="bench-output-") as folder, Path(folder, "out").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=output, stderr=subprocess.STDOUT, env=surroundings, cwd=REPOSITORY, start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise CouldNotRun(f"no result within {timeout:.0f} s") from None
        finally:
            _end_session(process)
        output.seek(0)
        written = output.read().strip().splitlines() or ["it wrote nothing"]
    if code != 0:
        raise CouldNotRun(written[-1])
    parsed: dict[str, Any] = json.loads(written[-1])
    return parsed


def time_contender(contender: Contender, jobs: int, cap_seconds: float, folder: Path) -> Timing:
    """Open the contender, warm it up, find how many jobs it can do in the cap, and time those."""
    before = time.perf_counter()
    with contender.open(folder) as call:
        call(fresh_parameters(WARM_UP_JOBS))
        startup_seconds = time.perf_counter() - before
        jobs = _affordable(call, jobs, cap_seconds)
        params = fresh_parameters(jobs)
        seconds, outcome = _timed(call, params)
    if contender.read(outcome) != [each["x"] + each["y"] for each in params]:
        raise ValueError(f"{contender.name} returned wrong results")
    return Timing(jobs, seconds, startup_seconds, installed_version(contender.package) if contender.package else "")


def _affordable(call: Call, jobs: int, cap_seconds: float) -> int:
    """How many of `jobs` fit into the cap: rounds ten times larger each, since a small round is mostly latency."""
    size = WARM_UP_JOBS
    while size < jobs:
        seconds, _ = _timed(call, fresh_parameters(size))
        if jobs * seconds / size <= cap_seconds:
            return jobs
        if 10 * seconds > cap_seconds:
            return max(size, int(size * cap_seconds / seconds))
        size *= 10
    return jobs


def _timed(call: Call, params: list[dict[str, Any]]) -> tuple[float, Any]:
    before = time.perf_counter()
    outcome = call(params)
    return time.perf_counter() - before, outcome


def _end_session(process: subprocess.Popen[Any]) -> None:
    """End what is left of the interpreter's own process group: ours, since it was started as a new session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    name, jobs, cap_seconds, folder = sys.argv[1:]
    with TemporaryDirectory(prefix="trial-", dir=folder, ignore_cleanup_errors=True) as own:
        timing = time_contender(CONTENDERS[name], int(jobs), float(cap_seconds), Path(own))
    print("\n" + json.dumps(asdict(timing)))
