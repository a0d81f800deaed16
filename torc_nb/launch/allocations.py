"""Workers on a Slurm cluster."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torc_nb import slurm
from torc_nb.errors import InvalidRequest, LaunchError, SlurmUnavailable
from torc_nb.launch.launched import Chain, Launched
from torc_nb.models import SlurmSchedulerModel, WorkerSettings
from torc_nb.models.quantities import MIB, clock
from torc_nb.slurm import array_limit, inherited_environment
from torc_nb.worker.errand import WORK, Errand

if TYPE_CHECKING:
    from torc_nb.launch.carrier import AnyJob

#: What makes an allocation one node with one worker, and its log findable.
_OURS = frozenset({"array", "error", "nodes", "ntasks", "ntasks_per_node", "open_mode", "output"})


def schedule(
    settings: Sequence[WorkerSettings],
    scheduler: SlurmSchedulerModel,
    folder: Path,
    *,
    chain: Chain | None = None,
    work: str = WORK,
    exclude: Sequence[str] = (),
) -> list[Launched]:
    """Submit one allocation of one node for each of the settings, as an array where there are several.

    Parameters
    ----------
    settings : sequence of WorkerSettings
        What each worker is told.
    scheduler : SlurmSchedulerModel
        What to ask of Slurm; its ``nodes`` is for the caller, who gives as many settings as nodes are wanted.
    folder : Path
        Where the launch gets a folder of its own, with the logs. The nodes must see it.
    chain : Chain, optional
        They run one after the other, after whatever of this chain was submitted before.
    work : str, default "torc_nb.worker:run"
        The function that is called with the settings, on the node.
    exclude : sequence of str
        Nodes that none of them is to be given, besides those that the scheduler leaves out.

    Raises
    ------
    InvalidRequest
        ``scheduler.extra`` has an option that torc_nb sets itself.
    SlurmUnavailable
        There is no Slurm here, or sbatch does not answer.
    LaunchError
        sbatch refused; the message is its own, with the likely cure.
    """
    if not settings:
        return []
    _check(folder)
    # submitit costs a tenth of a second, and a kernel that only looks at results does without.
    from torc_nb.launch.carrier import log_path
    from torc_nb.launch.slurm_executor import OneNodeExecutor

    options = sbatch_options(scheduler, settings[0].workflow_id, exclude)
    if chain is not None:
        options |= _one_after_the_other(options, chain)
    try:
        executor = OneNodeExecutor(
            folder, options, scheduler.setup, inherited_environment(os.environ), one_by_one=chain is not None
        )
        jobs: list[AnyJob] = executor.submit_array([Errand(work, one) for one in settings])
    except OSError as error:
        raise LaunchError(f"Cannot submit to Slurm: {error}") from error
    return [Launched(job.job_id, str(log_path(executor.folder, number))) for number, job in enumerate(jobs)]


def array_size(n: int) -> int:
    """Return how many of ``n`` allocations to submit at once: a site permits arrays of so many tasks only."""
    if n > 1:
        with contextlib.suppress(LaunchError):  # sbatch says itself what it does not take
            return min(n, array_limit() or n)
    return n


def would_start(scheduler: SlurmSchedulerModel, workflow_id: int) -> str:
    """Ask Slurm what would become of an allocation, which is not submitted; returns what it says.

    Raises
    ------
    InvalidRequest
        ``scheduler.extra`` has an option that torc_nb sets itself.
    SlurmUnavailable
        There is no Slurm here, or sbatch does not answer.
    LaunchError
        sbatch would refuse; the message is its own, with the likely cure.
    """
    options = {"nodes": 1, **sbatch_options(scheduler, workflow_id)}
    words = [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in options.items()]
    return slurm.would_start([*words, "--wrap=true"], inherited_environment(os.environ))


def _one_after_the_other(options: Mapping[str, Any], chain: Chain) -> dict[str, Any]:
    """What has Slurm begin a job when all of the chain has ended that was submitted before it."""
    given = options.get("dependency")
    after = f"afterany:{':'.join(chain.behind)}" if chain.behind else None
    return {
        "job_name": f"{options['job_name']}-{chain.number + 1}",
        "dependency": ",".join(filter(None, [given, after, "singleton"])),
    }


def sbatch_options(
    scheduler: SlurmSchedulerModel, workflow_id: int, exclude: Sequence[str] = ()
) -> dict[str, Any]:
    """The options of sbatch by name; True stands for an option without a value.

    Raises
    ------
    InvalidRequest
        ``scheduler.extra`` has an option that torc_nb sets itself.
    """
    options = {
        "job_name": f"torc-{workflow_id}",
        "ntasks": 1,
        "account": scheduler.account,
        "partition": scheduler.partition,
        "qos": scheduler.qos,
        "mem": None if scheduler.mem is None else f"{-(-scheduler.mem // MIB)}M",
        "time": None if scheduler.walltime is None else clock(scheduler.walltime),
        "gres": scheduler.gres,
        "cpus_per_task": scheduler.cpus,
        "exclusive": True if scheduler.cpus is None else None,
        "tmp": scheduler.tmp,
    }
    options |= _extra_options(scheduler)
    if exclude:
        options["exclude"] = ",".join(left_out(scheduler, exclude))
    return {name: value for name, value in options.items() if value is not None and value is not False}


def left_out(scheduler: SlurmSchedulerModel, exclude: Sequence[str]) -> list[str]:
    """Return the nodes that a scheduler leaves out itself, as it words them, and these."""
    own = _extra_options(scheduler).get("exclude")
    return [*([str(own)] if own else []), *exclude]


def _check(folder: Path) -> None:
    for program in ("sbatch", "srun"):  # submitit looks for srun
        if shutil.which(program) is None:
            raise SlurmUnavailable(
                f"There is no Slurm on this machine: {program} is not in PATH. "
                "Start from a login or compute node of the cluster, or run a worker here: wf.run()."
            )
    if "%" in str(folder.absolute()):
        raise LaunchError(
            f"Slurm cannot write logs into {folder}: it takes % for a placeholder. Choose another folder."
        )


def _extra_options(scheduler: SlurmSchedulerModel) -> dict[str, Any]:
    extra = {name.lstrip("-").replace("-", "_"): value for name, value in scheduler.extra.items()}
    if taken := sorted(_OURS & extra.keys()):
        raise InvalidRequest(
            f"Scheduler {scheduler.name!r}: leave {', '.join(taken)} out of extra; torc_nb sets it, "
            "since each allocation is one node with one worker. How many: schedule_nodes(n)."
        )
    return extra
