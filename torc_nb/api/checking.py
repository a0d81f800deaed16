"""Whether a workflow could run, found out before anything waits in a long queue: here, and by a short job on a node."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torc_nb import launch, private, slurm
from torc_nb.api import launching, storage
from torc_nb.api.check import Check
from torc_nb.errors import LaunchError, TorcError
from torc_nb.launch import Launched
from torc_nb.models import SlurmSchedulerModel, WorkerSettings, WorkflowModel
from torc_nb.models.quantities import GIB, counted, format_duration
from torc_nb.store import Database, machine, requirements, trust, workflows
from torc_nb.worker import checkup
from torc_nb.worker.packages import versions

#: How long the job may wait in the queue, in seconds, unless it is said otherwise.
WAIT = 300.0
#: The walltime of the job, and for how long a process on this machine is waited for, in seconds.
WALLTIME = 60.0
#: How often the log is looked at, and Slurm is asked, in seconds.
_LOOK, _ASK = 0.2, 5.0
#: How often Slurm is asked at first, in seconds: most such jobs begin at once.
_ASK_SOON = 1.0
#: What a job that has ended may have written that is not to be seen here yet, is waited for so long, in seconds.
_LATE = 5.0


def check(
    database: Database,
    workflow_id: int,
    scheduler: SlurmSchedulerModel,
    *,
    job: bool = True,
    wait: float = WAIT,
    wants_slurm: bool = False,
) -> Iterator[Check]:
    """Yield what is found, one after the other; nothing is left behind, whenever it ends.

    Parameters
    ----------
    job : bool
        Whether to look on a node too, by a job of a minute; without Slurm by a process here.
    wait : float
        How long that job may wait in the queue, in seconds.
    wants_slurm : bool
        Whether it is wrong that there is no Slurm.

    Raises
    ------
    NotFound
        No such workflow.
    NotTrusted
        It is another user's workflow.
    """
    workflow = workflows.get(database, workflow_id)
    trust.check(database, workflow, "Workers run their own user's workflows")
    missing = _without_slurm(wants_slurm)
    has_slurm = missing is None
    yield _database(database, scheduler if has_slurm else None)
    yield from storage.checks(Path(workflow.files))
    if missing is not None:
        yield missing
    else:
        yield from _of_slurm(workflow, scheduler)
    if job:
        yield from _on_node(database, workflow, scheduler if has_slurm else None, wait)


# Here, at once.


def _without_slurm(is_wanted: bool) -> Check | None:
    """Say that there is no Slurm here, or that it does not answer; None where it does."""
    if not slurm.available():
        return Check(
            "Slurm", False if is_wanted else None, "there is no sbatch on this machine",
            "Go to a login node of the cluster." if is_wanted else "`%torc run` starts a worker here.",
        )  # fmt: skip
    try:
        slurm.configuration()
    except LaunchError as error:
        return Check("Slurm", *_refused(error))
    return None


def _database(database: Database, scheduler: SlurmSchedulerModel | None) -> Check:
    try:
        if scheduler is not None:
            launching.refuse_elsewhere(database, scheduler)
    except LaunchError as error:
        return Check("database", *_refused(error))
    kind = "an SQLite file, for workers of this machine" if database.is_sqlite else "on a server"
    return Check("database", True, f"{database.place}: {kind}")


def _of_slurm(workflow: WorkflowModel, scheduler: SlurmSchedulerModel) -> Iterator[Check]:
    try:
        known = slurm.partitions()
    except LaunchError as error:
        yield Check("partition", *_refused(error))
        return
    ours = _chosen(known, scheduler)
    yield _tried("account", lambda: _account(scheduler, {one.name for one in ours}))
    yield _partition(known, ours, scheduler)
    yield _walltime(ours, scheduler)
    yield _tried("sbatch", lambda: Check("sbatch", True, launch.would_start(scheduler, workflow.id or 0)))


def _tried(what: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except TorcError as error:
        return Check(what, *_refused(error))


def _refused(error: TorcError) -> tuple[bool, str, str]:
    """What an error says happened, and what it says is to be done."""
    seen, _, advice = str(error).strip().rpartition("\n")
    return (False, " ".join(seen.split()), advice) if seen else (False, advice, "")


def _account(scheduler: SlurmSchedulerModel, partitions: set[str]) -> Check:
    if not slurm.keeps_account():
        return Check("account", None, "this Slurm keeps no account: any name will do")
    user = private.user()
    try:
        usable = slurm.associations(user)
        asked = scheduler.account or os.environ.get("SBATCH_ACCOUNT") or slurm.default_account(user)
    except LaunchError as error:
        return Check("account", None, f"sacctmgr could not be asked: {_refused(error)[1]}")
    names = sorted({one.account for one in usable})
    there = f"yours: {', '.join(names)}" if names else "you have none"
    lists = "`sacctmgr show associations user=$USER` lists yours."
    ours = [one for one in usable if one.account == asked and one.partition in {"", *partitions}]
    if not ours:
        return Check("account", False, f"{asked or 'none'} is not yours to use; {there}", f"account=…; {lists}")
    qos = {name for one in ours for name in one.qos}
    if scheduler.qos and scheduler.qos not in qos:
        seen = f"{asked} may not use QOS {scheduler.qos}; it may use {', '.join(sorted(qos)) or 'none'}"
        return Check("account", False, seen, f"qos=…; {lists}")
    return Check("account", True, f"{asked}; {there}")


def _partition(known: list[slurm.Partition], ours: list[slurm.Partition], scheduler: SlurmSchedulerModel) -> Check:
    there = ", ".join(dict.fromkeys(one.name for one in known))
    if not ours:
        missing = f"partition {scheduler.partition}" if scheduler.partition else "default partition"
        return Check("partition", False, f"there is no {missing}; there is {there}", "partition=…")
    nodes, idle = sum(one.nodes for one in ours), sum(one.idle for one in ours)
    seen = f"{ours[0].name}: {counted(nodes, 'node')}, {idle} idle"
    if not any(one.is_up for one in ours):
        return Check("partition", False, f"{seen}, closed", "`sinfo -s` shows which are up: partition=…")
    return Check("partition", True, seen)


def _walltime(ours: list[slurm.Partition], scheduler: SlurmSchedulerModel) -> Check:
    limits = [one.time_limit for one in ours]
    most = max((limit for limit in limits if limit is not None), default=None)
    limit = "no limit" if most is None or None in limits else f"at most {format_duration(most)}"
    if scheduler.walltime is None:
        return Check("walltime", None, f"none is asked for, the partition's default counts; {limit}")
    seen = f"{format_duration(scheduler.walltime)}; {limit}"
    if most is not None and None not in limits and scheduler.walltime > most:
        return Check("walltime", False, seen, f'Ask for less: walltime="{format_duration(most)}".')
    return Check("walltime", True, seen)


def _chosen(known: list[slurm.Partition], scheduler: SlurmSchedulerModel) -> list[slurm.Partition]:
    names = (scheduler.partition or os.environ.get("SBATCH_PARTITION") or "").split(",")
    return [one for one in known if (one.name in names if names != [""] else one.is_default)]


# On a node.

#: What a worker stands on: the finding, what it is called, what is seen of it, and what helps where it is not.
_PLACES = (
    (
        "database", "database from the node", "reached as workers reach it",
        "Workers there could not begin: `%torc db status` says where it is and whom it takes.",
    ),
    (
        "folder", "folder on the node", "seen and written",
        'Give the workflow a folder that all nodes see: Workflow(name, files="/a/shared/folder").',
    ),
)  # fmt: skip


def _on_node(
    database: Database, workflow: WorkflowModel, scheduler: SlurmSchedulerModel | None, wait: float
) -> Iterator[Check]:
    try:
        with _sent(database, workflow, scheduler) as sent:
            found, trouble = _awaited(sent, in_slurm=scheduler is not None, wait=wait)
            words = launch.last_words(sent.log, 5)
    except TorcError as error:
        yield Check("node", *_refused(error))
        return
    if trouble is not None:
        last = f": {' | '.join(line for line in words.splitlines() if not line.startswith(checkup.MARK))}"
        yield Check("node", False, trouble.seen + (last if last != ": " and not found else ""), trouble.advice)
    yield from _found(found, needs_gpus=_needs_gpus(database, workflow, scheduler))


@contextmanager
def _sent(
    database: Database, workflow: WorkflowModel, scheduler: SlurmSchedulerModel | None
) -> Iterator[Launched]:
    """Have a process find out, on a node of Slurm's or here; in the end it is gone, with all that it wrote."""
    settings = WorkerSettings(
        database.url, workflow.id or 0, 0, origin=machine.boot_id(), trust=database.trust
    )
    place = launching.folder(database, workflow)
    if scheduler is None:
        sent = launch.start_local(settings, place, work=checkup.WORK)
    else:
        small = scheduler.model_copy(
            update={
                "walltime": WALLTIME, "cpus": 1, "mem": GIB, "tmp": None,
                "extra": {**scheduler.extra, "job_name": f"torc-check-{workflow.id}"},
            }
        )  # fmt: skip
        (sent,) = launch.schedule([settings], small, place, work=checkup.WORK)
    try:
        yield sent
    finally:
        if scheduler is None:
            launch.stop_local(int(sent.scheduler_job))
        else:
            slurm.cancel([sent.scheduler_job])
        shutil.rmtree(Path(sent.log).parent, ignore_errors=True)


def _awaited(sent: Launched, *, in_slurm: bool, wait: float) -> tuple[dict[str, dict[str, Any]], Check | None]:
    """Wait for the findings; returns them, and what kept them from being all."""
    begun, looked = time.monotonic(), 0.0
    ended = None
    while checkup.END not in (found := checkup.findings(_read(sent.log))):
        now = time.monotonic()
        if not in_slurm and now - begun > WALLTIME:
            return found, Check("node", False, f"nothing was heard for {WALLTIME:.0f} s of the process on this machine")
        if ended is None and in_slurm and now - looked > (_ASK_SOON if now - begun < _ASK else _ASK):
            looked = now
            ended = _standing(sent.scheduler_job, found, waited=now - begun, wait=wait)
        elif ended is None and not in_slurm and not machine.process_start(int(sent.scheduler_job)):
            ended = Check("node", False, "the process on this machine ended before it was done"), now
        if ended is not None and (ended[0].seen.startswith(_STILL) or now - ended[1] > _LATE):
            return found, ended[0]
        time.sleep(_LOOK)
    return found, None


_STILL = "still waiting"


def _standing(
    job: str, found: dict[str, dict[str, Any]], *, waited: float, wait: float
) -> tuple[Check, float] | None:
    """Say that a job has ended, or has waited for too long, and when that was seen; None while it may go on."""
    queued = next(iter(slurm.queue([job])), None)
    now = time.monotonic()
    if queued is None or queued.has_ended:
        state = "is gone from Slurm's queue" if queued is None else f"ended: {queued.state}"
        what = "before it was done" if found else "before it said anything: the node may not see the workflow's folder"
        return Check("node", False, f"the job {state}, {what}", f"`scontrol show job {job}` may say more."), now
    if queued.is_waiting and waited > wait:
        meaning, cure = slurm.pending(queued.reason)
        seen = f"{_STILL} after {format_duration(waited)}: {meaning}; the job was canceled"
        return Check("node", False, seen, cure or "--wait 30min waits for longer."), now
    return None


def _read(log: str) -> str:
    try:
        return Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:  # the node has not made it yet
        return ""


def _needs_gpus(database: Database, workflow: WorkflowModel, scheduler: SlurmSchedulerModel | None) -> bool:
    asked = scheduler is not None and bool(scheduler.gres) and "gpu" in (scheduler.gres or "")
    return asked or any(one.num_gpus for one in requirements.in_use(database, workflow.id or 0))


def _found(found: dict[str, dict[str, Any]], *, needs_gpus: bool) -> Iterator[Check]:
    if node := found.get("node"):
        room = f"{counted(node['num_cpus'], 'CPU')} for this job"
        yield Check("node", True, f"{node['host']} began the job: {room}")
        yield _python(node)
        if needs_gpus:
            n = node["num_gpus"]
            advice = "" if n else 'Ask for them: gres="gpu:1"; `sinfo -o "%P %G"` lists those there are.'
            yield Check("GPUs on the node", bool(n), f"{counted(n, 'GPU')}", advice)
    for what, title, seen, cure in _PLACES:
        if finding := found.get(what):
            error = finding["error"]
            yield Check(title, True, seen) if error is None else Check(title, False, " ".join(error.split()), cure)
    if modules := found.get("modules"):
        yield from _modules(modules)


def _python(node: dict[str, Any]) -> Check:
    here = {"python": platform.python_version(), "torc_nb": versions([])["torc_nb"]}
    there = {name: node[name] for name in here}
    seen = f"Python {there['python']}, torc_nb {there['torc_nb']}, {node['executable']}"
    if here == there:
        return Check("Python on the node", True, seen)
    is_other = here["python"].split(".")[:2] != there["python"].split(".")[:2] or here["torc_nb"] != there["torc_nb"]
    seen += f"; here Python {here['python']}, torc_nb {here['torc_nb']}"
    advice = "Have the nodes see the environment of this notebook." if is_other else ""
    return Check("Python on the node", not is_other, seen, advice)


def _modules(found: dict[str, Any]) -> Iterator[Check]:
    there: dict[str, str] = found["packages"]
    here = versions(found["imports"])
    differ = [
        f"{name} {there.get(name, '(none)')}, here {here.get(name, '(none)')}"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name) and name not in found["failed"]
    ]
    seen = "; ".join(differ) if differ else f"the same versions of {counted(len(there), 'package')} as here"
    advice = "Results may differ: install the same versions, or look at `setup` lines." if differ else ""
    yield Check("packages on the node", not differ, seen, advice)
    failed: dict[str, str] = found["failed"]
    if failed:
        seen = "; ".join(f"{name}: {why}" for name, why in sorted(failed.items()))
        yield Check("modules on the node", False, seen, "Install them where the nodes see them, or map without them.")
    else:
        names = ", ".join(found["imports"]) or "none is needed"
        yield Check("modules on the node", True, f"imported: {names}" if found["imports"] else names)
