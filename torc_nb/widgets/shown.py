"""How a workflow stands, as plain data: what the front end draws and what the HTML is made of.

Whatever a user or a log wrote is text here, one line long where one line is meant, and cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torc_nb.api import Load, Status, campaigns
from torc_nb.models import FAILURES, AllocationModel, JobStatus, WorkerModel
from torc_nb.models.names import printable
from torc_nb.models.palette import COLOURS, ORDER
from torc_nb.models.quantities import counted, format_memory
from torc_nb.widgets import words
from torc_nb.widgets.pace import Rate

#: How many maps, workers and failed allocations are shown; of the others, the number.
MOST_MAPS, MOST_WORKERS, MOST_FAILED = 20, 20, 3

#: A worker that was silent for so many seconds may be gone.
SILENT = 60.0

#: Of so many characters a text of one line, and the end of a log, is shown.
_LINE, _LOG = 200, 4000

Data = dict[str, Any]

#: The statuses in their order: name, colour, and what the name means.
STATUSES = [[one.label, COLOURS[one], one.sentence] for one in ORDER]


def jobs(status: Status, title: str, rate: Rate | None = None) -> Data:
    """How the jobs stand: what is said, the numbers of all and of each map, and what to do next."""
    several = len(status.maps) > 1
    return {
        "title": line(title),
        "said": [words.completed(status.statuses), *words.pace(status.statuses, rate)],
        "numbers": numbers(status.statuses),
        "maps": [_map(one.name, one.statuses) for one in status.maps[:MOST_MAPS]] if several else [],
        "more": rest(len(status.maps) - MOST_MAPS, "maps"),
        "notes": [*map(line, words.versions(status)), *_hint(status)],
    }


def workers(status: Status) -> Data:
    """Who works: host, what it has, what it does, and when it was last heard of; nothing where nobody does."""
    if not status.workers:
        return {}
    cpus = sum(one.num_cpus for one in status.workers)
    busy = sum(load.cpus for load in status.loads.values())
    at_work = f", {busy:,} busy" if busy else ""
    return {
        "title": f"{counted(len(status.workers), 'worker')}, {counted(cpus, 'CPU')}{at_work}",
        "rows": [_worker(one, status) for one in status.workers[:MOST_WORKERS]],
        "more": rest(len(status.workers) - MOST_WORKERS, "workers"),
    }


def allocations(status: Status) -> Data:
    """What runs in Slurm and what is waited for, with Slurm's reason; and what failed, with the end of its log."""
    waiting: dict[tuple[str, str], list[AllocationModel]] = {}
    for one in status.waiting:
        waiting.setdefault((one.kind, one.message), []).append(one)
    newest = status.failed[: -MOST_FAILED - 1 : -1]
    lines = [_several(status.allocated, "running")] if status.allocated else []
    lines += [_several(group, f"awaited{_since(group)}", message) for (_, message), group in waiting.items()]
    if status.campaign is not None and not status.is_done:
        lines.append({"what": line(campaigns.describe(status.campaign), 1000), "why": ""})
    if not lines and not newest:
        return {}
    return {
        "lines": lines,
        "failed": [_failed(one) for one in newest],
        "more": rest(len(status.failed) - len(newest), "failed allocations, earlier"),
    }


def failures(status: Status) -> Data:
    """What went wrong in the failed jobs so far, the most frequent first; nothing where none failed."""
    failed = sum(status.statuses.get(one, 0) for one in FAILURES)
    if not failed or not status.causes:
        return {}
    others = failed - sum(one.count for one in status.causes)
    return {
        "title": f"{counted(failed, 'job')} failed",
        "rows": [
            {
                "count": counted(one.count, "job"),
                "cause": line(one.exception),
                "place": line(one.place),
                "said": line(one.message),
                "job": one.job_id,
            }
            for one in status.causes
        ],
        "more": f"and {others:,} for other reasons" if others > 0 else "",
    }


def trouble(title: str, message: str, since: float | None) -> Data:
    """That the database cannot be asked, and when it last answered (seconds since the epoch)."""
    last = "" if since is None else f" What stands here is of {clock(since)}."
    return {"title": f"{line(title)}: the database does not answer.{last}", "message": line(message, 500)}


def numbers(statuses: Mapping[JobStatus, int]) -> list[list[Any]]:
    """How many jobs have which status, in the order in which they stand in a bar."""
    return [[one.label, statuses[one]] for one in ORDER if statuses.get(one)]


def line(text: str, most: int = _LINE) -> str:
    """Make one harmless line of a text."""
    begin = printable(text[: 4 * most])
    return begin if len(begin) <= most else f"{begin[:most]}…"


def rest(n: int, what: str) -> str:
    """Say how many are not shown; nothing where all are."""
    return f"and {n:,} more {what}" if n > 0 else ""


def clock(seconds: float) -> str:
    """A time of today as a clock shows it, an earlier one with its day."""
    moment = time.localtime(seconds)
    today = moment[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", moment)


def _map(name: str, statuses: Mapping[JobStatus, int]) -> Data:
    return {"name": line(name), "numbers": numbers(statuses), "said": words.numbers(statuses)}


def _hint(status: Status) -> Iterable[str]:
    """What to type next, where nothing goes on by itself."""
    if status.is_done:
        failed = sum(status.statuses.get(one, 0) for one in FAILURES)
        if failed:
            yield "wf.failures() says why; wf.rerun() runs them again."
        return
    for stop in status.stops:
        yield (
            f"{line(stop.name)} is stopped: {counted(stop.failed, 'job')} failed (max_failures={stop.max_failures}), "
            f"{stop.left:,} will not begin. wf.failures() says why; wf.rerun() runs them again, and it goes on."
        )
    if status.workflow.state == "paused":
        yield "Paused: wf.resume() lets its jobs begin."
    is_awaited = status.campaign is not None and status.campaign.state == "on"
    if not status.workers and not status.waiting and not is_awaited and not status.is_stopped:
        yield "No worker runs: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm for n nodes."


def _worker(worker: WorkerModel, status: Status) -> Data:
    gpus = [counted(worker.num_gpus, "GPU")] if worker.num_gpus else []
    load = status.loads.get(worker.id or 0)
    silent = worker.last_seen is not None and status.now - worker.last_seen > SILENT
    return {
        "host": line(worker.host),
        "has": ", ".join([counted(worker.num_cpus, "CPU"), *gpus, format_memory(worker.memory)]),
        "does": "leaving" if worker.state == "leaving" else _doing(load),
        "seen": "" if worker.last_seen is None else f"{'silent since' if silent else 'seen'} {clock(worker.last_seen)}",
        "silent": silent,
    }


def _doing(load: Load | None) -> str:
    if load is None:
        return "idle"
    runs = [f"{counted(load.jobs, 'job')} on {counted(load.cpus, 'CPU')}"] if load.jobs else []
    has = [f"{counted(load.at_hand, 'short job')} at hand" if not runs else f"{load.at_hand:,} at hand"]
    return ", ".join([*runs, *(has if load.at_hand else [])])


def _several(group: Sequence[AllocationModel], do: str, message: str = "") -> Data:
    names = ", ".join(str(one.scheduler_job or one.id) for one in group[:5]) + (", …" if len(group) > 5 else "")
    what = counted(len(group), "allocation" if group[0].kind == "slurm" else "worker")
    return {"what": f"{what} {do}", "why": f"({line(names)}){f': {line(message)}' if message else ''}"}


def _since(group: Sequence[AllocationModel]) -> str:
    since = min((one.submitted for one in group if one.submitted is not None), default=None)
    return "" if since is None else f" since {clock(since)}"


def _failed(one: AllocationModel) -> Data:
    reason, _, end_of_log = one.message.partition("\n")
    what = f"Allocation {one.scheduler_job or one.id}" if one.kind == "slurm" else "A worker on this machine"
    return {
        "what": f"{line(what)} failed: {line(reason)}",
        "log": end_of_log[-_LOG:] if end_of_log.strip() else "",
        "path": line(one.log, 1000),
    }
