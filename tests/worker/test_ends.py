"""How jobs end: what each way to fail leaves, and that it takes nobody else along."""

from __future__ import annotations

import os
import signal
from collections import Counter

from torc_nb.models import JobStatus

from .conftest import Site


def note(row: int) -> None:
    """Write down that a row was run."""
    descriptor = os.open("ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{row}\n".encode())
    os.close(descriptor)


def test_an_exception_fails_the_job_with_its_own_lines(site: Site) -> None:
    """An exception is a failure with return code 1, and its traceback shows the user's lines and none of ours."""

    def deeper(row: int) -> int:
        return 1 // row  # the culprit

    def run(row: int) -> int:
        return deeper(row)

    map_id = site.map(run, [0, 1, 2])
    assert site.run() == {"completed": 2, "failed": 1}
    failed = site.result(site.jobs(JobStatus.FAILED)[0].id)
    assert failed.return_code == 1
    assert (failed.error_type, failed.error) == ("ZeroDivisionError", "integer division or modulo by zero")
    assert "# the culprit" in failed.traceback
    assert "return deeper(row)" in failed.traceback
    assert "torc_nb/" not in failed.traceback
    assert site.values(map_id) == [None, 1, 0]


def crash(row: int) -> int:
    """End the process in a way that depends on the row."""
    note(row)
    if row == 10:
        import ctypes

        ctypes.string_at(0)
    if row == 20:
        os._exit(3)
    if row == 30:
        os.kill(os.getpid(), signal.SIGKILL)
    if row == 40:
        os.abort()
    if row == 50:
        os._exit(0)
    if row == 60:
        os.kill(os.getpid(), signal.SIGRTMIN + 2)
    return row


def test_a_dying_process_fails_one_job_alone(site: Site) -> None:
    """Who crashes fails alone, with the signal named; those before and behind it in the batch run exactly once."""
    site.map(crash, range(1000))
    assert site.run() == {"completed": 994, "failed": 6}
    errors = {job.row: site.result(job.id) for job in site.jobs(JobStatus.FAILED)}
    told = {row: (result.error_type, result.return_code) for row, result in errors.items()}
    assert told == {
        10: ("SIGSEGV", -signal.SIGSEGV),
        20: ("ProcessExit", 3),
        30: ("SIGKILL", -signal.SIGKILL),
        40: ("SIGABRT", -signal.SIGABRT),
        50: ("ProcessExit", 0),
        60: (f"signal {signal.SIGRTMIN + 2}", -(signal.SIGRTMIN + 2)),
    }
    assert "Segmentation fault" in errors[10].error
    assert "memory" in errors[30].error
    assert Counter(site.lines()) == Counter(map(str, range(1000)))


def odd_end(kind: str) -> object:
    """End in one of the ways that catch naive workers out."""
    import enum
    import sys
    import threading

    class Code(enum.IntEnum):
        SEVEN = 7

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    class Rude(Exception):
        def __str__(self) -> str:  # noqa: PLE0307 - it leaves instead
            sys.exit(9)

    def recurse(n: int) -> int:
        return recurse(n + 1) + 1

    def chain() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    match kind:
        case "exit 5":
            sys.exit(5)
        case "exit text":
            sys.exit("good bye")
        case "exit 0":
            sys.exit(0)
        case "exit huge":
            sys.exit(10**30)
        case "exit enum":
            sys.exit(Code.SEVEN)
        case "interrupt":
            raise KeyboardInterrupt
        case "generator":
            raise GeneratorExit
        case "mute":
            raise Mute
        case "rude":
            raise Rude
        case "lock":
            return threading.Lock()
        case "deep":
            return recurse(0)
        case "long":
            raise ValueError("x" * 5_000_000)
        case "nul":
            raise ValueError("a\0b\ud800c")
        case "chain":
            chain()
        case "group":
            raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])
    return kind


def test_no_exception_is_too_odd(any_site: Site) -> None:
    """Whatever a job raises is kept, shortened where it is huge, and the same process goes on with the next job."""
    kinds = (
        "exit 5", "exit text", "exit 0", "exit huge", "exit enum", "interrupt", "generator", "mute", "rude", "lock",
        "deep", "long", "nul", "chain", "group", "fine",
    )  # fmt: skip
    any_site.map(odd_end, kinds)
    assert any_site.run(num_cpus=1) == {"completed": 1, "failed": len(kinds) - 1}
    ends = {kinds[job.row]: any_site.result(job.id) for job in any_site.jobs()}
    assert ends["exit 5"].return_code == 5
    assert ends["exit text"].error == "good bye"
    assert ends["exit 0"].return_code == 1
    assert 0 < ends["exit huge"].return_code < 256
    assert ends["exit enum"].return_code == 7
    assert ends["interrupt"].error_type == "KeyboardInterrupt"
    assert "cannot be shown" in ends["mute"].error
    assert "cannot be shown" in ends["rude"].error
    assert ends["lock"].error_type.endswith("CannotStore")
    assert "lock" in ends["lock"].error
    assert "torc_nb/" not in ends["lock"].traceback
    assert ends["deep"].error_type == "RecursionError"
    assert len(ends["long"].error) < 3_000
    assert len(ends["long"].traceback) < 70_000
    assert "\\x00" in ends["nul"].error
    assert "KeyError: 'first'" in ends["chain"].traceback
    assert "TypeError: two" in ends["group"].traceback


def test_a_forgotten_fork_answers_for_nobody(site: Site) -> None:
    """A job that forks and lets both return is one job with one result; its copy runs nothing of those behind it."""

    def run(row: int) -> int:
        note(row)
        if row == 3:
            os.fork()
        return row

    map_id = site.map(run, range(200))
    assert site.run(num_cpus=1) == {"completed": 200}
    assert site.values(map_id) == list(range(200))
    assert Counter(site.lines()) == Counter(map(str, range(200)))


def test_a_function_that_cannot_be_loaded_fails_each_job_with_the_reason(site: Site) -> None:
    """A module that is missing on the node is named in every job's error, and the worker lives."""

    def run(row: int) -> int:
        import no_such_package

        return int(no_such_package.value)

    site.map(run, range(3))
    assert site.run() == {"failed": 3}
    assert "no_such_package" in site.result(site.jobs()[0].id).error


def test_a_folder_that_is_missing_on_the_node_is_named(site: Site) -> None:
    """Jobs mapped from a folder that this node does not have fail saying so."""
    site.map(lambda row: row, [1, 2], cwd=site.folder / "elsewhere")
    assert site.run() == {"failed": 2}
    assert "elsewhere" in site.result(site.jobs()[0].id).error
