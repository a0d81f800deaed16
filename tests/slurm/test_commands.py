"""squeue, sinfo, scontrol and scancel against a real cluster."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from services.ports import free_ports
from services.slurm_cluster import SlurmCluster

from torc_nb import slurm as slurm_layer
from torc_nb.errors import LaunchError, SlurmUnavailable
from torc_nb.slurm import QueuedJob, array_limit, cancel, configuration, kept_out, partitions, queue
from torc_nb.slurm.commands import seconds


def wait_for(job_id: str, true: Callable[[list[QueuedJob]], bool]) -> list[QueuedJob]:
    """The records of a job as soon as something is true of them."""
    deadline = time.monotonic() + 30
    while not true(jobs := queue([job_id])):
        assert time.monotonic() < deadline, jobs
        time.sleep(0.1)
    return jobs


def test_an_array_is_listed_task_by_task(slurm: SlurmCluster) -> None:
    """Waiting and running tasks have ids of their own, whatever the job's name holds."""
    array = slurm.sbatch("--array=3-5%2", "--time=5", "--job-name=a|b c", script="sleep 60")
    jobs = wait_for(array, lambda jobs: sum(job.state == "RUNNING" for job in jobs) == 2)
    assert sorted(job.id for job in jobs) == [f"{array}_{task}" for task in (3, 4, 5)]
    assert {job.name for job in jobs} == {"a|b c"}
    assert {job.array_id for job in jobs} == {int(array)}
    assert {job.user for job in jobs} == {getpass.getuser()}
    (waiting,) = (job for job in jobs if job.is_waiting)
    assert (waiting.state, waiting.reason, waiting.node_list) == ("PENDING", "JobArrayTaskLimit", "")
    running = next(job for job in jobs if job.state == "RUNNING")
    assert running.node_list in slurm.nodes
    assert running.time_limit == 300
    assert running.start_time is not None
    assert abs(running.start_time - time.time()) < 60
    assert running.end_time == running.start_time + 300


def test_a_job_that_cannot_start_says_why(slurm: SlurmCluster) -> None:
    """Slurm's reason and its nodes are passed on for a job that waits."""
    blocker = slurm.sbatch("--nodes=3", "--exclusive", "--time=10", script="sleep 60")
    wait_for(blocker, lambda jobs: jobs[0].state == "RUNNING")
    job_id = slurm.sbatch("--nodes=2", script="true")
    (waiting,) = wait_for(job_id, lambda jobs: jobs[0].reason in {"Resources", "Priority"})
    assert waiting.is_waiting
    assert not waiting.has_ended
    assert waiting.nodes == 2
    assert queue([blocker])[0].nodes == 3


def test_cancel_ends_one_task_or_all(slurm: SlurmCluster) -> None:
    """One task is cancelled alone, the array as a whole, and twice is no error."""
    array = slurm.sbatch("--array=0-2", script="sleep 60")
    wait_for(array, lambda jobs: all(job.state == "RUNNING" for job in jobs))
    cancel([f"{array}_1"])
    jobs = wait_for(array, lambda jobs: any(job.has_ended for job in jobs))
    assert [job.id for job in jobs if job.state == "CANCELLED"] == [f"{array}_1"]
    cancel([array, f"{array}_1"])
    wait_for(array, lambda jobs: all(job.state == "CANCELLED" for job in jobs))
    cancel([array])
    cancel([])


def test_what_goes_back_into_the_queue_leaves_nodes_out(slurm: SlurmCluster) -> None:
    """As soon as it is requeued, be it that its end takes a while; a job that runs cannot be told."""
    assert slurm_layer.node_names() == slurm.nodes
    job_id = slurm.sbatch("--requeue", "--nodelist=n1", script="trap '' TERM; sleep 60")
    wait_for(job_id, lambda jobs: jobs[0].state == "RUNNING")
    with pytest.raises(LaunchError, match="no longer pending"):
        slurm_layer.exclude(job_id, ["n2"])
    slurm_layer.requeue(job_id)
    slurm_layer.exclude(job_id, ["n2", "n3"])
    assert "ExcNodeList=n2,n3" in slurm.run("scontrol", "show", "job", job_id)


def test_ended_jobs_are_still_known_with_their_reason(slurm: SlurmCluster) -> None:
    """Without accounting, squeue tells for some minutes how a job ended."""
    job_id = slurm.sbatch(script="exit 3")
    (job,) = wait_for(job_id, lambda jobs: jobs[0].has_ended)
    assert (job.state, job.reason) == ("FAILED", "NonZeroExitCode")


def test_unknown_ids_are_left_out(slurm: SlurmCluster) -> None:
    """Ids that Slurm never had, or has forgotten, are no error, alone or among others."""
    job_id = slurm.sbatch("--begin=now+1hour", script="true")
    assert queue(["999999"]) == []
    assert queue([999999, 999998]) == []
    assert queue([]) == []
    assert [job.id for job in queue(["999999", job_id])] == [job_id]
    cancel(["999999"])


def test_the_queue_of_a_user(slurm: SlurmCluster) -> None:
    """Only that user's jobs are listed; a user unknown to Slurm is refused in its words."""
    job_id = slurm.sbatch("--begin=now+1hour", script="true")
    assert job_id in {job.id for job in queue(user=getpass.getuser())}
    assert job_id in {job.id for job in queue()}
    assert queue(user="daemon") == []


def test_the_users_own_settings_of_squeue_change_nothing(slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Formats and filters that a user exports for the terminal do not reach our calls."""
    job_id = slurm.sbatch("--begin=now+1hour", script="true")
    for name, value in {
        "SQUEUE_FORMAT": "%i",
        "SQUEUE_STATES": "RUNNING",
        "SQUEUE_USERS": "daemon",
        "SINFO_FORMAT": "%P",
        "SINFO_PARTITION": "nowhere",
        "SCANCEL_INTERACTIVE": "true",
        "SCANCEL_STATE": "RUNNING",
        "SLURM_TIME_FORMAT": "relative",
    }.items():
        monkeypatch.setenv(name, value)
    assert [job.state for job in queue([job_id])] == ["PENDING"]
    assert partitions()[0].name == "main"
    cancel([job_id])
    wait_for(job_id, lambda jobs: jobs[0].state == "CANCELLED")


def test_an_id_that_is_none_is_refused_in_slurms_words(slurm: SlurmCluster) -> None:
    """What scancel says is passed on."""
    with pytest.raises(LaunchError, match="Invalid job id abc"):
        cancel(["abc"])


def test_partitions_and_configuration(slurm: SlurmCluster) -> None:
    """The shape of the nodes and the limits of the site are read."""
    (partition,) = partitions()
    assert (partition.name, partition.is_default, partition.is_up) == ("main", True, True)
    assert (partition.nodes, partition.idle) == (3, 3)
    assert (partition.cpus, partition.memory) == (4, 4000 * 2**20)
    assert (partition.time_limit, partition.gres) == (None, "")
    assert configuration()["MaxArraySize"] == "1001"
    assert array_limit() == 1001


def test_from_where_a_partition_takes_jobs(slurm: SlurmCluster) -> None:
    """Where none of its own nodes is among that, it is told; where some are, one has to try."""
    assert kept_out("main") == kept_out(None) == ""
    try:
        slurm.run("scontrol", "update", "partition=main", "AllocNodes=login1,n[2-9]")
        assert kept_out(None) == ""
        slurm.run("scontrol", "update", "partition=main", "AllocNodes=login[1-2]")
        told = "partition main takes jobs from login[1-2] only (AllocNodes)"
        assert kept_out("main") == kept_out(None) == told
    finally:
        slurm.run("scontrol", "update", "partition=main", "AllocNodes=ALL")
    with pytest.raises(LaunchError, match="nonesuch"):
        kept_out("nonesuch")


def test_a_partition_of_mixed_nodes_has_a_record_for_each_shape() -> None:
    """Nodes of another size, a limit and a resource show up as such."""
    if SlurmCluster.missing():
        pytest.skip("Slurm is not installed")
    extra = ["PartitionName=short Nodes=n1 MaxTime=1-06:30:00 State=DOWN"]
    with SlurmCluster(nodes=1, cpus=36, memory=184320, extra=extra) as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
        by_name = {partition.name: partition for partition in partitions()}
    assert by_name["main"].cpus == 36
    assert (by_name["short"].is_up, by_name["short"].is_default) == (False, False)
    assert by_name["short"].time_limit == 30.5 * 3600


def test_a_controller_that_does_not_answer_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm being away is an error of its own kind, with what to do next."""
    if SlurmCluster.missing():
        pytest.skip("Slurm is not installed")
    lines = [
        "ClusterName=away",
        "SlurmctldHost=localhost(127.0.0.1)",
        f"SlurmctldPort={free_ports(1)[0]}",
        "AuthType=auth/none",
        "CredType=cred/none",
        "MessageTimeout=2",
        "NodeName=n1",
        "PartitionName=main Nodes=n1",
    ]
    (tmp_path / "slurm.conf").write_text("\n".join(lines))
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    with pytest.raises(SlurmUnavailable, match="try again"):
        queue()


def test_a_machine_without_slurm_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no squeue, the message names what can be done here."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not slurm_layer.available()
    with pytest.raises(SlurmUnavailable, match="no squeue on this machine"):
        queue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:30", 30),
        ("5:00", 300),
        ("1:00:00", 3600),
        ("1-02:00:00", 26 * 3600),
        ("365-00:00:00", 365 * 86400),
        ("UNLIMITED", None),
        ("infinite", None),
        ("INVALID", None),
        ("NOT_SET", None),
    ],
)
def test_durations(text: str, expected: float | None) -> None:
    """Every form in which Slurm prints a duration."""
    assert seconds(text) == expected


def test_our_own_process_keeps_its_environment(slurm: SlurmCluster) -> None:
    """Asking Slurm leaves no trace in the kernel's environment."""
    before = dict(os.environ)
    queue()
    assert dict(os.environ) == before
