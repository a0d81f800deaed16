"""Commands run by real workers: what they find, what they leave, how they end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torc_nb.models import JobStatus
from torc_nb.store import commands, environments, files, jobs
from torc_nb.worker.folders import outdir_of

from .conftest import Site, are_gone, children_of

Declare = Callable[..., int]


@pytest.fixture
def declare(site: Site) -> Declare:
    """Declare a command in the site's folder; returns the job's id."""

    def declared(command: str, *, name: str = "", request: dict[str, Any] | None = None, **place: Any) -> int:
        here = environments.Environment(str(site.here), dict(site.variables))
        environment_id = environments.keep(site.database, site.id, here)
        one = commands.Command(name or command, command, site.requirement(**(request or {})), environment_id, **place)
        (job_id,) = commands.reserve(site.database, 1)
        commands.create(site.database, site.id, [(job_id, one)])
        return job_id

    return declared


def test_hundreds_of_the_shortest(site: Site) -> None:
    """One warm child serves them all, and each has its own end."""
    here = environments.keep(site.database, site.id, environments.Environment(str(site.here), site.variables))
    one = commands.Command("t", "true", site.requirement(), here)
    ids = commands.reserve(site.database, 500)
    commands.create(site.database, site.id, [(id_, one._replace(name=f"t{id_}")) for id_ in ids])
    assert site.run(num_cpus=1) == {"completed": 500}
    found = site.attempts()
    assert {row.job_id for row in found} == set(ids)
    assert {row.return_code for row in found} == {0}
    assert sum(row.cpu_seconds for row in found) > 0
    assert min(row.peak_memory for row in found) > 0


def test_what_it_finds(site: Site, declare: Declare) -> None:
    """Its folder, its variables with the job's own among them, nothing on its input, and no file of ours open."""
    job_id = declare(
        'pwd; cat; echo "$TORC_JOB_ID $TORC_JOB_NAME $TORC_WORKFLOW_ID $TORC_ATTEMPT $TORC_NUM_CPUS $TORC_MEMORY";'
        'ls -d "$TORC_SCRATCH" >&2; ls /proc/$$/fd > fds; tr "\\n" " " < fds; trap; env | grep -c "^TORC_NB_" ; true',
        name="größe ☃",
        request={"memory": "300m"},
    )
    assert site.run(num_cpus=1) == {"completed": 1}
    out, err = site.printed(job_id)
    lines = out.splitlines()
    assert lines[0] == str(site.here)
    assert lines[1] == f"{job_id} größe ☃ {site.id} 1 1 {300 * 2**20}"
    assert set(lines[2].split()) <= {"0", "1", "2", "10", "255"}  # a shell may keep one of its own
    assert err.startswith("/")
    assert not Path(err.strip()).exists()


@pytest.mark.parametrize(
    ("command", "code", "kind", "message"),
    [
        ("exit 3", 3, "ExitCode", "exited with 3"),
        ("kill -SEGV $$", -11, "SIGSEGV", "killed by SIGSEGV"),
        ("(kill -9 $(exec sh -c 'echo $PPID')); exit 137", 137, "ExitCode", "SIGKILL killed a program of it"),
        ("no-such-program", 127, "ExitCode", "is not there"),
        ("if", 2, "ExitCode", "exited with 2"),
    ],
)
def test_how_it_fails(site: Site, declare: Declare, command: str, code: int, kind: str, message: str) -> None:
    """With its code or its signal by name; the child lives on for the next one."""
    job_id = declare(f"echo before; {command}")
    good = declare("echo still here")
    assert site.run(num_cpus=1) == {"failed": 1, "completed": 1}
    result = site.result(job_id)
    assert (result.return_code, result.error_type) == (code, kind)
    assert message in result.error
    assert site.printed(good)[0] == "still here\n"


def test_it_prints_much_and_in_any_encoding(site: Site, declare: Declare) -> None:
    """Head and tail of ten megabytes; bytes that are no text are replaced; unicode stays."""
    much = declare("echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo last")
    odd = declare("printf 'gr\\303\\266\\303\\237e \\377 %s\\n' 漢字")
    assert site.run(num_cpus=1) == {"completed": 2}
    out, _ = site.printed(much)
    assert out.startswith("first\nxxx")
    assert out.endswith("xxx" + "last\n")
    assert "bytes left out" in out
    assert len(out) < 1_100_000
    assert site.printed(odd)[0] == "größe \ufffd 漢字\n"


def test_a_daemon_ends_with_its_command(site: Site, declare: Declare) -> None:
    """In a session of its own too; and what it prints later is not the next job's."""
    first = declare("setsid sh -c 'while :; do echo spam; sleep 0.01; done' & echo $!")
    second = declare("sleep 0.2; echo clean")
    third = declare("trap 'kill 0' EXIT; sleep 60 & echo mine; exit 0")
    assert site.run(num_cpus=1)["completed"] >= 2
    assert site.printed(second)[0] == "clean\n"
    pid = int(next(line for line in site.printed(first)[0].split() if line.isdigit()))
    assert not Path(f"/proc/{pid}").exists()
    assert "mine" in site.printed(third)[0]


def test_files_are_looked_for(site: Site, declare: Declare) -> None:
    """One that is needed and missing, and one that was to be made and is not, fail the job; both are named."""
    there, made = site.here / "there.txt", site.here / "made.txt"
    there.write_text("x")
    lacks = declare("echo ran > ran", needs=(str(site.here / "gone.txt"),))
    forgets = declare("true", name="forgets", produces=(str(site.here / "never.txt"),))
    good = declare("echo made > made.txt", needs=(str(there),), produces=(str(made),))
    after = declare("cat made.txt", needs=(str(made),))
    assert site.run(num_cpus=1) == {"failed": 2, "completed": 2}
    assert not (site.here / "ran").exists()
    assert f"it needs {site.here / 'gone.txt'}, which is not there" in site.result(lacks).error
    assert f"{site.here / 'never.txt'} is not there" in site.result(forgets).error
    assert site.printed(after)[0] == "made\n"
    (record,) = files.listed(site.database, site.id, job_id=good, relation="produces")
    assert (record.size, record.mtime) == (5, made.stat().st_mtime)


def asleep(site: Site, command: str = "sleep 100") -> Callable[[], bool]:
    """Whether a program runs under the first worker."""
    return lambda: any(
        " ".join(process.cmdline()) == command for process in children_of(site.processes[0].pid) if process.is_running()
    )


def test_cancel_ends_the_whole_tree(site: Site, declare: Declare) -> None:
    """Also what stands in a session of its own; the scratch goes, and the next command runs."""
    job_id = declare('echo "$TORC_SCRATCH" > where; touch "$TORC_SCRATCH/x"; setsid sleep 100 & sleep 100')
    worker = site.worker(num_cpus=1, linger=5.0)
    site.until(lambda: sum(one.name() == "sleep" for one in children_of(worker.pid)) == 2)
    processes = [one for one in children_of(worker.pid) if one.name() == "sleep"]
    jobs.cancel(site.database, site.id, [job_id])
    site.until(lambda: are_gone(processes))
    later = declare("echo later")
    site.wait()
    assert site.statuses() == {"canceled": 1, "completed": 1}
    assert site.printed(later)[0] == "later\n"
    scratch = Path((site.here / "where").read_text().strip())
    site.until(lambda: not scratch.exists())


@pytest.mark.parametrize(
    ("command", "request_", "status", "message"),
    [
        ("sleep 100", {"timeout": 0.3}, "terminated", "longer than its timeout"),
        ("x=$(head -c 400000000 /dev/zero | tr '\\0' x); sleep 100", {"memory": "50m"}, "failed", "MiB"),
    ],
)
def test_limits_end_it(
    site: Site, declare: Declare, command: str, request_: dict[str, Any], status: str, message: str
) -> None:
    """A time limit, and memory where the node's is used up."""
    job_id = declare(command, request=request_)
    assert site.run(num_cpus=1, memory=100 * 2**20) == {status: 1}
    assert message in site.result(job_id).error


def test_a_killed_worker_leaves_nothing_running(site: Site, declare: Declare) -> None:
    """Killed with the command in its midst, it takes it along; the next worker runs it again."""
    declare("echo x >> begun; [ $TORC_ATTEMPT = 2 ] || sleep 100")
    worker = site.worker(num_cpus=1)
    site.until(asleep(site))
    processes = children_of(worker.pid)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    site.until(lambda: are_gone(processes))
    assert site.run(num_cpus=1) == {"completed": 1}
    assert site.lines("begun") == ["x", "x"]


def test_a_killed_nursery_takes_its_command_along(site: Site, declare: Declare) -> None:
    """The child dies with it, and the command, which has a group of its own, too."""
    declare("[ $TORC_ATTEMPT = 2 ] || sleep 100")
    worker = site.worker(num_cpus=1)
    site.until(asleep(site))
    processes = children_of(worker.pid)
    sleeper = next(one for one in processes if one.cmdline() == ["sleep", "100"])
    child = sleeper.parents()[1]
    os.kill(child.ppid(), signal.SIGKILL)
    site.until(lambda: are_gone([sleeper]))


def test_a_stopped_worker_gives_its_command_back(site: Site, declare: Declare) -> None:
    """It is asked to end, and is ready again, not failed; one that does not listen is killed."""
    declare("trap 'echo asked > asked; exit 1' TERM; sleep 100 & wait")
    declare("trap '' TERM; sleep 100; sleep 100", name="deaf")
    worker = site.worker(num_cpus=2)
    site.until(lambda: sum(one.name() == "sleep" for one in children_of(worker.pid)) == 2)
    processes = children_of(worker.pid)
    worker.terminate()
    assert worker.wait(10) == 0
    assert are_gone(processes)
    assert site.lines("asked") == ["asked"]
    assert site.statuses() == {"ready": 2}


def test_output_stands_when_it_succeeded(site: Site, declare: Declare) -> None:
    """Of a failed attempt it is kept beside, of a repeated one only the last is left, and no draft."""
    job_id = declare('echo "$(cat word)" > "$TORC_OUTDIR/word-$(cat word)"; [ "$(cat word)" != bad ]')
    final = outdir_of(site.files, job_id)
    failed = final.with_name(f"{job_id}.failed")

    def attempt(word: str) -> None:
        (site.here / "word").write_text(word)
        assert set(site.run(num_cpus=1)) <= {"completed", "failed"}
        run_again(site, job_id)

    attempt("bad")
    assert [one.name for one in failed.iterdir()] == ["word-bad"]
    assert not final.exists()
    attempt("good")
    assert [one.name for one in final.parent.iterdir()] == [str(job_id)]
    assert [one.name for one in final.iterdir()] == ["word-good"]
    attempt("bad")
    attempt("better")
    assert [one.name for one in final.iterdir()] == ["word-better"]
    assert [one.name for one in final.parent.iterdir()] == [str(job_id)]


def run_again(site: Site, job_id: int) -> None:
    """Make a job ready again."""
    from torc_nb.store import resetting

    resetting.rerun(site.database, site.id, [JobStatus.COMPLETED, JobStatus.FAILED], [job_id])


def test_commands_of_two_environments_do_not_mix(site: Site, declare: Declare) -> None:
    """Each has its own folder and variables, though all else is equal."""
    other = site.folder / "other"
    other.mkdir()
    here = environments.keep(site.database, site.id, environments.Environment(str(other), {"PATH": "/bin", "A": "b"}))
    (second,) = commands.reserve(site.database, 1)
    first = declare("pwd; echo $A")
    commands.create(site.database, site.id, [(second, commands.Command("x", "pwd; echo $A", site.requirement(), here))])
    assert site.run(num_cpus=1) == {"completed": 2}
    assert site.printed(first)[0] == f"{site.here}\n\n"
    assert site.printed(second)[0] == f"{other}\nb\n"


def test_what_it_used_is_measured(site: Site, declare: Declare) -> None:
    """CPU time and memory of the programs that it started."""
    code = "x = b'x' * 150_000_000; [i for i in range(3_000_000)]"
    job_id = declare(f'sh -c "python3 -c \\"{code}\\""')
    began = time.monotonic()
    assert site.run(num_cpus=1) == {"completed": 1}
    result = site.result(job_id)
    assert 0.02 < result.cpu_seconds < time.monotonic() - began
    assert 140_000_000 < result.peak_memory < 600_000_000


def test_orphans_do_not_stay_as_zombies(site: Site, declare: Declare) -> None:
    """What ends while a long command goes on is reaped then."""
    declare("for i in 1 2 3 4 5; do (sleep 0.02 &); done; sleep 0.3; wc -w < /proc/$PPID/task/$PPID/children > left")
    assert site.run(num_cpus=1) == {"completed": 1}
    assert site.lines("left") == ["1"]  # the shell
