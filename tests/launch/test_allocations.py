"""Workers on a real Slurm, the private cluster."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from launch.conftest import Answers, until
from services.slurm_cluster import SlurmCluster

from torc_nb.errors import InvalidRequest, LaunchError, SlurmUnavailable
from torc_nb.launch import Chain, Launched, last_words, schedule
from torc_nb.models import SlurmSchedulerModel
from torc_nb.models.quantities import GIB


def submit(answers: Answers, folder: Path, work: str = "report", **options: object) -> Launched:
    """Schedule one worker with these options of its scheduler."""
    (launched,) = schedule([answers.settings()], SlurmSchedulerModel(**options), folder, work=f"launch.works:{work}")
    return launched


def shown(slurm: SlurmCluster, job: str) -> dict[str, str]:
    """What Slurm was asked for, by scontrol's names."""
    return dict(re.findall(r"(\S+?)=(\S*)", slurm.run("scontrol", "show", "job", job)))


def script(launched: Launched) -> str:
    """The script that was submitted."""
    return (Path(launched.log).parent / "submission.sh").read_text()


def wait_until_ended(slurm: SlurmCluster, job: str) -> None:
    """Wait until a job has left the queue."""
    until(lambda: not slurm.squeue("--jobs", job), 40, f"job {job} is still there")


def test_a_worker_has_a_whole_node_where_no_cpus_are_asked(slurm, answers, tmp_path):
    """One allocation, one node, every CPU of it; the worker runs in it, with the settings."""
    launched = submit(answers, tmp_path)
    about = answers.wait()
    assert about["settings"] == list(answers.settings())
    assert about["environment"]["SLURM_JOB_ID"] == launched.scheduler_job
    assert about["environment"]["SLURM_JOB_NUM_NODES"] == "1"
    assert about["environment"]["SLURM_NTASKS"] == "1"
    assert about["environment"]["SLURM_CPUS_ON_NODE"] == "4"
    assert about["python"] == sys.executable


def test_several_are_one_array(slurm, answers, tmp_path):
    """Each task has its own settings, id and log; all may run at once."""
    settings = [answers.settings(number) for number in (11, 12, 13)]
    launched = schedule(settings, SlurmSchedulerModel(cpus=1), tmp_path, work="launch.works:answer")
    array = launched[0].scheduler_job.partition("_")[0]
    assert [one.scheduler_job for one in launched] == [f"{array}_{task}" for task in range(3)]
    for task, number in enumerate((11, 12, 13)):
        about = answers.wait(allocation_id=number)
        assert about["settings"] == list(answers.settings(number))
        assert about["environment"]["SLURM_ARRAY_TASK_ID"] == str(task)
    slurm.run("scancel", launched[1].scheduler_job)
    assert "SIGTERM" in answers.wait("signals", 12)
    until(lambda: "leaving after" in last_words(launched[1].log), 20, "nothing in the log")
    assert "leaving" not in last_words(launched[0].log) + last_words(launched[2].log)


def test_a_chain_is_one_after_the_other(slurm, answers, tmp_path):
    """After what was submitted before it, by a name of its own; what the user wants it to wait for comes besides."""
    settings = [answers.settings(number) for number in (11, 12)]
    first = schedule(settings[:1], SlurmSchedulerModel(cpus=1), tmp_path, work="launch.works:answer")[0].scheduler_job
    answers.wait(allocation_id=11)
    links = schedule(settings, SlurmSchedulerModel(cpus=1), tmp_path, chain=Chain(2, (first,)))
    mine = {"dependency": "afterok:1", "job_name": "mine"}
    other = schedule(settings, SlurmSchedulerModel(cpus=1, extra=mine), tmp_path, chain=Chain(0))
    waiting = set(slurm.squeue("--array", "--states=PENDING", "--format=%i %j"))
    assert waiting >= {f"{one.scheduler_job} torc-{settings[0].workflow_id}-3" for one in links}
    assert f"afterany:{first}(unfulfilled),singleton(unfulfilled)" in shown(slurm, links[0].scheduler_job)["Dependency"]
    assert "#SBATCH --array=0-1%1\n" in script(links[0])
    assert "#SBATCH --dependency=afterok:1,singleton\n" in script(other[0])
    assert "#SBATCH --job-name=mine-1\n" in script(other[0])


def test_slurm_is_asked_for_what_the_scheduler_says(slurm, answers, tmp_path):
    """Every option arrives, in Slurm's units."""
    launched = submit(
        answers,
        tmp_path,
        account="astro",
        partition="main",
        mem="1g",
        walltime="1-02:30:00",
        cpus=2,
        tmp="10",
        extra={"hold": True, "comment": "two words", "no-requeue": True, "--nice": 5},
    )
    asked = shown(slurm, launched.scheduler_job)
    assert asked["JobName"] == "torc-7"
    assert asked["Account"] == "astro"
    assert asked["Partition"] == "main"
    assert asked["MinMemoryNode"] == "1G"
    assert asked["TimeLimit"] == "1-02:30:00"
    assert asked["CPUs/Task"] == "2"
    assert asked["MinTmpDiskNode"] == "10M"
    assert asked["OverSubscribe"] == "OK"  # not exclusive
    assert asked["Requeue"] == "0"
    assert asked["Comment"].startswith("two")
    assert asked["StdOut"] == asked["StdErr"] == launched.log


def test_what_is_not_said_is_left_to_the_site(slurm, answers, tmp_path):
    """No memory, walltime, signal or wckey is asked unless the user does."""
    text = script(submit(answers, tmp_path, extra={"hold": True}))
    options = set(re.findall(r"^#SBATCH --([a-z-]+)", text, re.MULTILINE))
    assert options == {"exclusive", "hold", "job-name", "nodes", "ntasks", "open-mode", "output"}
    assert "srun" not in text


def test_further_options_go_before_ours(slurm, answers, tmp_path):
    """What extra says of an option holds, False leaves the option out, and a wckey is asked on request."""
    text = script(
        submit(answers, tmp_path, extra={"hold": True, "exclusive": False, "wckey": "w", "signal": "B:USR1@9"})
    )
    assert "--exclusive" not in text
    assert "#SBATCH --wckey=w\n" in text
    assert "#SBATCH --signal=B:USR1@9\n" in text


@pytest.mark.parametrize("option", ["nodes", "--ntasks", "ntasks-per-node", "array", "output"])
def test_an_allocation_is_one_node_with_one_worker(answers, tmp_path, slurm, option):
    """Options that would break that are refused by name before anything is submitted."""
    with pytest.raises(InvalidRequest, match=re.escape(option.strip("-").replace("-", "_"))):
        submit(answers, tmp_path / "files", extra={option: 2})
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize(
    ("options", "message", "cure"),
    [
        ({"partition": "nope"}, "invalid partition specified", "sinfo"),
        ({"gres": "gpu:7"}, "generic resource", "gres="),
        ({"mem": 900 * GIB}, "Memory specification can not be satisfied", "mem="),
        ({"extra": {"no-such-option": 1}}, "unrecognized option", "sbatch --help"),
    ],
)
def test_a_refusal_is_told_in_sbatch_s_words_with_a_cure(slurm, answers, tmp_path, options, message, cure):
    """It is the message of sbatch and what helps against it; nothing is left behind."""
    with pytest.raises(LaunchError) as caught:
        submit(answers, tmp_path / "files", **options)
    assert message in str(caught.value)
    assert cure in str(caught.value).splitlines()[-1]
    assert list((tmp_path / "files").iterdir()) == []
    assert slurm.squeue() == []


def test_without_slurm_it_says_so(answers, tmp_path, monkeypatch):
    """A machine that has no sbatch is not a cluster."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmUnavailable, match=r"no Slurm.*wf\.run"):
        submit(answers, tmp_path / "files")


def test_a_folder_that_slurm_misreads_is_refused(slurm, answers, tmp_path):
    """Slurm takes % in a log's path for a placeholder."""
    with pytest.raises(LaunchError, match="placeholder"):
        submit(answers, tmp_path / "100%")


def test_any_other_folder_will_do(slurm, answers, tmp_path):
    """Quotes, blanks and dollars are only names."""
    launched = submit(answers, tmp_path / "it's a $HOME", "answer")
    answers.wait()
    slurm.run("scancel", launched.scheduler_job)
    until(lambda: "leaving after" in last_words(launched.log), 20, "nothing in the log")


def test_setup_lines_come_before_the_worker(slurm, answers, tmp_path):
    """What they export reaches the worker, whatever lines they are."""
    submit(answers, tmp_path, setup=["export A='x y'  # a comment", "if true; then\n  export B=1\nfi", "cd /"])
    about = answers.wait()
    assert (about["environment"]["A"], about["environment"]["B"]) == ("x y", "1")
    assert about["folder"] == "/"


@pytest.mark.parametrize("line", ["module load no-such-module", "test 'it is' = \"n't\"", "(exit 3)"])
def test_a_setup_line_that_fails_ends_the_allocation(slurm, answers, tmp_path, line):
    """No worker starts; the log ends with the line that failed."""
    launched = submit(answers, tmp_path, setup=["echo first", line, "echo third"])
    wait_until_ended(slurm, launched.scheduler_job)
    words = last_words(launched.log)
    assert words.startswith("first\n")
    assert f"setup line failed: {line} (exit code " in words
    assert "third" not in words
    assert not (answers.folder / "1.report").exists()


def test_a_broken_python_is_found_in_the_log(slurm, answers, tmp_path, monkeypatch):
    """An environment that the nodes do not have is named by the allocation's last words."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    launched = submit(answers, tmp_path)
    wait_until_ended(slurm, launched.scheduler_job)
    assert "/no/such/python" in last_words(launched.log)


def test_scancel_reaches_the_worker_s_handler(slurm, answers, tmp_path):
    """The worker gets SIGTERM and time to leave in good order."""
    launched = submit(answers, tmp_path, "answer")
    answers.wait()
    slurm.run("scancel", launched.scheduler_job)
    wait_until_ended(slurm, launched.scheduler_job)
    assert "SIGTERM" in answers.wait("signals")
    assert "leaving after" in last_words(launched.log)


def test_a_job_step_of_the_user_finds_the_cpus_free(slurm, answers, tmp_path):
    """A function may start srun or mpirun; a worker that held a step of its own would block it."""
    submit(answers, tmp_path, "use_srun")
    assert answers.wait() == {"code": 0, "error": ""}


def test_submitting_from_within_a_job(slurm, answers, tmp_path):
    """A kernel inside an allocation submits others of another shape, and its environment stays as it is."""
    submit(answers, tmp_path, "schedule_another", cpus=1, mem="500m")
    outer = answers.wait(allocation_id=1)
    inner = answers.wait(allocation_id=2)["environment"]
    assert outer["unchanged"]
    assert inner["SLURM_JOB_ID"] == outer["job"]
    assert inner["SLURM_CPUS_ON_NODE"] == "3"
    assert inner["SLURM_CONF"] == os.environ["SLURM_CONF"]


def test_accounting_is_never_asked(slurm, answers, tmp_path, monkeypatch, capfd):
    """No sacct is called, neither when submitting nor for what is left of submitit's jobs; nothing is printed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    sacct = programs / "sacct"
    sacct.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(tmp_path / 'asked'))}\n")
    sacct.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    launched = submit(answers, tmp_path)
    answers.wait()
    wait_until_ended(slurm, launched.scheduler_job)
    assert launched.scheduler_job in repr(launched)
    assert not (tmp_path / "asked").exists()
    assert capfd.readouterr() == ("", "")


def test_the_kernel_s_environment_is_not_touched(slurm, answers, tmp_path, monkeypatch):
    """What sbatch must not see is taken out of its environment alone."""
    monkeypatch.setenv("SLURM_NTASKS", "99")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "5")
    before = dict(os.environ)
    submit(answers, tmp_path)
    assert dict(os.environ) == before
    environment = answers.wait()["environment"]
    assert environment["SLURM_NTASKS"] == "1"
    assert "OMPI_COMM_WORLD_RANK" not in environment


def test_nothing_to_schedule_is_nothing(answers, tmp_path):
    """No settings, no allocation, and no Slurm is needed to say so."""
    assert schedule([], SlurmSchedulerModel(), tmp_path / "files") == []
    assert not (tmp_path / "files").exists()


@pytest.mark.timeout(240)
def test_the_end_of_the_walltime_is_a_sigterm(minute_worker):
    """A one-minute allocation ends in good order."""
    launched, answers = minute_worker
    answers.wait()
    assert "SIGTERM" in answers.wait("signals", seconds=180)
    until(lambda: "leaving after" in last_words(launched.log), 20, "nothing in the log")
    assert "DUE TO TIME LIMIT" in last_words(launched.log)
