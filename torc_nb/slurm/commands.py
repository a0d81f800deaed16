"""squeue, sinfo, scontrol and scancel, called so that their answers can be trusted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from torc_nb.errors import LaunchError, SlurmLimit, SlurmUnavailable
from torc_nb.models.quantities import MIB, parse_duration
from torc_nb.slurm.cures import sbatch_cure
from torc_nb.slurm.records import Partition, QueuedJob

# A busy controller may take its time; it answers or says that it does not.
ANSWER_SECONDS = 60.0
# Taking a job may need more than telling of one.
SUBMIT_SECONDS = 120.0

# The name stands last: it is the only field in which a user may have put the separator.
_JOB_FORMAT = "%A|%F|%K|%u|%P|%T|%N|%D|%V|%S|%e|%l|%r|%j"
_PARTITION_FORMAT = "%P|%a|%F|%c|%m|%l|%G"
_UNREACHABLE = r"unable to contact|socket timed out|zero bytes|configuration source|unable to process configuration"
# How many jobs a user may have submitted, alone or with her group, and how many an array may have.
_LIMITS = r"(max|grp)submit|maxarraysize|job array specification"
_NO_LIMIT = {"INFINITE", "UNLIMITED", "NOT_SET", "INVALID", "PARTITION_LIMIT", "N/A", ""}


def available() -> bool:
    """Whether Slurm's commands are installed here."""
    return all(shutil.which(program) for program in ("sbatch", "squeue", "scancel"))


def queue(job_ids: Iterable[int | str] | None = None, user: str | None = None) -> list[QueuedJob]:
    """The jobs with these ids, or of this user, or all, by one call of squeue; arrays task by task.

    Parameters
    ----------
    job_ids : iterable of int or str, optional
        ``12`` (with all tasks, where it is an array) or ``"12_3"``. What Slurm has forgotten is left out.
    user : str, optional
        Only this user's.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    LaunchError
        squeue refused.
    """
    options = ["--noheader", "--array", "--states=all", f"--format={_JOB_FORMAT}"]
    if job_ids is not None:
        wanted = [str(job_id) for job_id in job_ids]
        if not wanted:
            return []
        options.append(f"--jobs={','.join(wanted)}")
    if user is not None:
        options.append(f"--user={user}")
    try:
        return [_job(line) for line in answer("squeue", *options).splitlines()]
    except LaunchError as error:
        # Asked for a single job that it has forgotten, squeue fails; asked for several, it leaves those out.
        if "Invalid job id specified" in str(error):
            return []
        raise


def partitions() -> list[Partition]:
    """The partitions that this user may see, one record for each shape of nodes.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    """
    lines = answer("sinfo", "--noheader", "--exact", f"--format={_PARTITION_FORMAT}").splitlines()
    return [_partition(line) for line in lines]


def node_addresses(partition: str | None = None) -> list[str]:
    """The names or addresses by which Slurm reaches the nodes, of one partition where it is given.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    """
    chosen = [f"--partition={partition}"] if partition else []
    return sorted(set(answer("sinfo", "--noheader", "--Node", "--format=%o", *chosen).split()))


def node_names() -> list[str]:
    """The names of all nodes that this user may see.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    """
    return sorted(set(answer("sinfo", "--noheader", "--Node", "--format=%N").split()))


def configuration() -> dict[str, str]:
    """What ``scontrol show config`` says, for instance its ``MaxArraySize``.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    """
    pairs = (line.partition("=") for line in answer("scontrol", "show", "config").splitlines())
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def array_limit() -> int | None:
    """How many tasks an array may have on this site; None where it does not say. Where there are no arrays, one.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    """
    text = configuration().get("MaxArraySize", "")
    return max(1, int(text)) if text.isdigit() else None


def kept_out(partition: str | None) -> str:
    """Say from where alone a partition, else the default one, takes jobs, where its own nodes are not among that.

    Returns "" where it does not say so: whether its nodes may submit is to be tried then.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    LaunchError
        There is no such partition.
    """
    lines = answer("scontrol", "--oneliner", "show", "partition", *([partition] if partition else [])).splitlines()
    records = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]
    for one in (one for one in records if partition or one.get("Default") == "YES"):
        allowed, own = one.get("AllocNodes", "ALL"), one.get("Nodes", "")
        if allowed not in ("ALL", "(null)", "") and not set(_hosts(allowed)) & set(_hosts(own)):
            return f"partition {one.get('PartitionName')} takes jobs from {allowed} only (AllocNodes)"
    return ""


def _hosts(names: str) -> list[str]:
    """Return the single names of ``n[1-3],x``."""
    return answer("scontrol", "show", "hostnames", names).split() if names else []


def submit(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Submit a job, with these options and arguments of sbatch; returns what sbatch prints.

    Parameters
    ----------
    environment : mapping
        What sbatch sees and the job inherits, see :func:`inherited_environment`.

    Raises
    ------
    SlurmUnavailable
        There is no sbatch, or it gave no answer.
    SlurmLimit
        It takes no more of this user's jobs for now, or not so many in one array.
    LaunchError
        It refused; the message is its own, with the likely cure.
    """
    return _sbatch(command, environment).stdout


def would_start(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Ask what would become of a job, which is not submitted; returns what Slurm says: when and where it would start.

    Parameters
    ----------
    command, environment
        As of :func:`submit`.

    Raises
    ------
    SlurmUnavailable
        There is no sbatch, or it gave no answer.
    LaunchError
        It would refuse; the message is its own, with the likely cure.
    """
    said = _sbatch(["--test-only", *command], environment)
    return (said.stderr or said.stdout).strip().removeprefix("sbatch: ")


def _sbatch(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ["sbatch", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SUBMIT_SECONDS,
        )
    except FileNotFoundError:
        raise SlurmUnavailable("There is no sbatch on this machine: go to a login node of the cluster.") from None
    except subprocess.TimeoutExpired:
        raise SlurmUnavailable(
            f"sbatch did not answer within {SUBMIT_SECONDS:.0f} s. Whether it submitted anything, "
            "`squeue --me` shows once Slurm's controller is back."
        ) from None
    if done.returncode:
        cure = sbatch_cure(done.stderr)
        kind = SlurmLimit if re.search(_LIMITS, done.stderr, re.IGNORECASE) else LaunchError
        raise kind(f"sbatch refused: {done.stderr.strip()}" + (f"\n{cure}" if cure else ""))
    return done


def cancel(job_ids: Iterable[int | str]) -> None:
    """Cancel jobs (``12`` with all tasks of an array, ``"12_3"`` one of them); those already gone are no error.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    LaunchError
        A job is somebody else's, or the id is none.
    """
    wanted = [str(job_id) for job_id in job_ids]
    if wanted:
        answer("scancel", "--quiet", *wanted)


def requeue(job_id: str) -> None:
    """Put a running job of ours back into the queue: what it runs is ended, and it starts anew some time.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    LaunchError
        The site or the job does not allow it.
    """
    answer("scontrol", "requeue", job_id)


def exclude(job_id: str, nodes: Sequence[str]) -> None:
    """Let a job of ours that waits, or goes back into the queue, begin on none of these nodes.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    LaunchError
        It runs, or there is no such node.
    """
    answer("scontrol", "update", f"jobid={job_id}", f"ExcNodeList={','.join(nodes)}")


def seconds(text: str) -> float | None:
    """Slurm's ``D-HH:MM:SS``, ``HH:MM:SS`` or ``MM:SS`` in seconds; None where there is no limit."""
    if text.upper() in _NO_LIMIT:
        return None
    return parse_duration(text)


def answer(program: str, *arguments: str) -> str:
    """What a command of Slurm prints.

    Raises
    ------
    SlurmUnavailable
        It is not on this machine, or whom it asks does not answer.
    LaunchError
        It refuses.
    """
    try:
        done = subprocess.run(
            [program, *arguments],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_SECONDS,
        )
    except FileNotFoundError:
        raise SlurmUnavailable(
            f"There is no {program} on this machine. Go to a login node of the cluster, or work here with `wf.run()`."
        ) from None
    except subprocess.TimeoutExpired:
        raise SlurmUnavailable(
            f"{program} gave no answer within {ANSWER_SECONDS:.0f} s: the controller is busy or down. Try again later."
        ) from None
    if done.returncode:
        raise _refusal(program, done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _environment() -> dict[str, str]:
    # A user's SQUEUE_FORMAT, SQUEUE_STATES, SCANCEL_INTERACTIVE and the like are meant for the terminal.
    ours = {"SLURM_TIME_FORMAT": "%s", "LC_ALL": "C"}
    users = {
        name: value for name, value in os.environ.items() if not name.startswith(("SQUEUE_", "SINFO_", "SCANCEL_"))
    }
    return users | ours


def _refusal(program: str, message: str) -> LaunchError:
    unreachable = re.search(_UNREACHABLE, message, re.IGNORECASE)
    kind = SlurmUnavailable if unreachable else LaunchError
    cure = sbatch_cure(message)
    return kind(f"{program} failed: {message}" + (f"\n{cure}" if cure else ""))


def _job(line: str) -> QueuedJob:
    number, array, task, user, partition, state, node_list, nodes, submit, start, end, limit, reason, name = line.split(
        "|", 13
    )
    in_array = task != "N/A"
    return QueuedJob(
        id=f"{array}_{task}" if in_array else number,
        number=int(number),
        array_id=int(array) if in_array else None,
        task=int(task) if in_array else None,
        name=name,
        user=user,
        partition=partition,
        state=state,
        reason="" if reason == "None" else reason,
        node_list=node_list,
        nodes=int(nodes),
        submit_time=_time(submit),
        start_time=_time(start),
        end_time=_time(end),
        time_limit=seconds(limit),
    )


def _time(text: str) -> float | None:
    return float(text) if text.isdigit() else None


def _partition(line: str) -> Partition:
    name, up, counts, cpus, memory, limit, gres = line.split("|")
    _allocated, idle, _other, total = counts.split("/")
    return Partition(
        name=name.removesuffix("*"),
        is_default=name.endswith("*"),
        is_up=up == "up",
        nodes=int(total),
        idle=int(idle),
        cpus=int(cpus),
        memory=int(memory) * MIB,
        time_limit=seconds(limit),
        gres="" if gres == "(null)" else gres,
    )
