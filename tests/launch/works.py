"""What the tests let workers do: each leaves files in the folder that stands where a worker's database would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from torc_nb.models import WorkerSettings

WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGCONT, signal.SIGHUP)


def write(settings: WorkerSettings, name: str, content: object) -> None:
    """Leave a file, whole or not at all."""
    path = Path(settings.database) / f"{settings.allocation_id}.{name}"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content))
    draft.rename(path)


def report(settings: WorkerSettings) -> None:
    """Tell about the process."""
    handlers = {one.name: getattr(signal.getsignal(one), "__module__", None) for one in WATCHED}
    about = {
        "settings": list(settings),
        "pid": os.getpid(),
        "session": os.getsid(0),
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "modules": sorted(sys.modules),
        "handlers": handlers,
        "python": sys.executable,
    }
    write(settings, "report", about)


def answer(settings: WorkerSettings) -> None:
    """Report, then answer questions (files called question) until asked to stop, with the signals that arrived."""
    caught: list[str] = []

    def catch(number: int, _: FrameType | None) -> None:
        caught.append(signal.Signals(number).name)

    for one in WATCHED:
        signal.signal(one, catch)
    report(settings)
    question = Path(settings.database) / "question"
    deadline = time.monotonic() + settings.idle_timeout
    while "SIGTERM" not in caught and time.monotonic() < deadline:
        if question.exists():
            text = question.read_text()
            question.unlink()
            write(settings, "answer", [text, caught])
        time.sleep(0.02)
    write(settings, "signals", caught)
    print("leaving after", caught)


def fail(settings: WorkerSettings) -> None:
    """Fail as a worker with a bad database would."""
    print("looking for", settings.database)
    raise RuntimeError("no such database")


def chatter(settings: WorkerSettings) -> None:
    """Print more than anybody wants to read."""
    for number in range(100_000):
        print("line", number, "é")


def use_srun(settings: WorkerSettings) -> None:
    """Start a job step from within, as an MPI program would."""
    step = subprocess.run(["srun", "-n1", "hostname"], capture_output=True, text=True, timeout=30)
    write(settings, "report", {"code": step.returncode, "error": step.stderr})


def schedule_another(settings: WorkerSettings) -> None:
    """Submit from within an allocation, as a kernel there would."""
    from torc_nb.launch import schedule
    from torc_nb.models import SlurmSchedulerModel

    before = dict(os.environ)
    inner = settings._replace(allocation_id=settings.allocation_id + 1)
    folder = Path(settings.database) / "inner"
    launched = schedule([inner], SlurmSchedulerModel(cpus=3), folder, work="launch.works:report")
    write(settings, "report", {"job": launched[0].scheduler_job, "unchanged": before == dict(os.environ)})
