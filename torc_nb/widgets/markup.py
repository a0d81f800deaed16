"""How a workflow stands, as HTML. Whatever a user or a log wrote is escaped; colours follow the notebook's theme."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape

from torc_nb.api import Status
from torc_nb.models import AllocationModel, JobStatus, WorkerModel
from torc_nb.models.names import printable
from torc_nb.models.palette import COLOURS, ORDER
from torc_nb.models.quantities import format_memory
from torc_nb.widgets import words

#: How many maps, workers and failed allocations are shown; of the others, the number.
MOST_MAPS, MOST_WORKERS, MOST_FAILED = 20, 20, 3

_STRONG = "color:var(--jp-ui-font-color1,inherit)"
_QUIET = "color:var(--jp-ui-font-color2,inherit)"
_CUT = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_TRACK = "background:var(--jp-layout-color3,#8884)"
_ALERT = f"border-left:3px solid {COLOURS[JobStatus.FAILED]};padding-left:8px;margin-top:6px"


def html(status: Status, rate: float | None = None) -> str:
    """Show how a workflow stands: the whole view, as it is now.

    Parameters
    ----------
    rate
        Jobs finished per second, where it is known.
    """
    return jobs(status, status.workflow.name, rate) + workers(status) + allocations(status)


def jobs(status: Status, title: str, rate: float | None = None) -> str:
    """Show the jobs: a bar, what it stands for, the maps where there are several, and what to do next."""
    parts = [_headline(title, status, rate), _bar(status.statuses, 14), _legend(status.statuses)]
    if len(status.maps) > 1:
        parts += [_map_row(one.name, one.statuses) for one in status.maps[:MOST_MAPS]]
        parts += _rest(len(status.maps) - MOST_MAPS, "maps")
    parts += [_quiet(said) for said in words.versions(status)]
    if (hint := _hint(status)) is not None:
        parts.append(_quiet(hint))
    return _block("".join(parts))


def workers(status: Status) -> str:
    """Show who works: host, CPUs, memory, and when it was last heard of. Nothing where nobody does."""
    if not status.workers:
        return ""
    cpus = sum(worker.num_cpus for worker in status.workers)
    title = f"{_number(len(status.workers), 'worker')}, {_number(cpus, 'CPU')}"
    rows = "".join(_worker_row(worker) for worker in status.workers[:MOST_WORKERS])
    rest = "".join(_rest(len(status.workers) - MOST_WORKERS, "workers"))
    return _block(f'<div>{title}</div><table style="border-collapse:collapse;margin:0">{rows}</table>{rest}')


def allocations(status: Status) -> str:
    """Show what is waited for, with Slurm's reason, and what failed, with the end of its log."""
    waiting: dict[tuple[str, str], list[AllocationModel]] = {}
    for one in status.waiting:
        waiting.setdefault((one.kind, one.message), []).append(one)
    parts = [_waiting(message, group) for (_, message), group in waiting.items()]
    newest = status.failed[: -MOST_FAILED - 1 : -1]
    parts += [_failed(one) for one in newest]
    parts += _rest(len(status.failed) - len(newest), "failed allocations, earlier")
    return _block("".join(parts)) if parts else ""


def line(title: str, statuses: Mapping[JobStatus, int], rate: float | None = None) -> str:
    """Show the jobs of one title in one line: what ``wait`` shows."""
    return _block(_map_row(title, statuses, rate))


def trouble(title: str, message: str, since: float | None) -> str:
    """Show that the database cannot be asked, and when it last answered (seconds since the epoch)."""
    last = "" if since is None else f" What stands here is of {_clock(since)}."
    return _block(
        f'<div role="alert" style="{_ALERT}">{escape(printable(title))}: the database does not answer.{last}'
        f'<div style="{_QUIET}">{escape(message[:500])}</div></div>'
    )


def _headline(title: str, status: Status, rate: float | None) -> str:
    said = " · ".join([words.completed(status.statuses), *words.pace(status.statuses, rate)])
    return f"<div><b>{escape(printable(title))}</b>&ensp;{escape(said)}</div>"


def _bar(statuses: Mapping[JobStatus, int], height: int) -> str:
    said = ", ".join(f"{statuses[one]:,} {one.label}" for one in ORDER if statuses.get(one))
    # However few the failed ones are, they can be seen.
    parts = "".join(
        f'<div title="{statuses[one]:,} {one.label}" '
        f'style="flex:{statuses[one]} 0 0px;min-width:3px;background:{COLOURS[one]}"></div>'
        for one in ORDER
        if statuses.get(one)
    )
    return (
        f'<div role="img" aria-label="{said or "no jobs"}" style="display:flex;height:{height}px;border-radius:3px;'
        f'overflow:hidden;flex:1;{_TRACK}">{parts}</div>'
    )


def _legend(statuses: Mapping[JobStatus, int]) -> str:
    entries = "".join(
        f'<span title="{escape(one.sentence)}" style="margin-right:14px;white-space:nowrap"><span style="display:'
        f'inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px;background:{COLOURS[one]}"></span>'
        f"{statuses[one]:,} {one.label}</span>"
        for one in ORDER
        if statuses.get(one)
    )
    return f"<div>{entries}</div>"


def _map_row(name: str, statuses: Mapping[JobStatus, int], rate: float | None = None) -> str:
    said = " · ".join([words.numbers(statuses), *words.pace(statuses, rate)])
    shown = escape(printable(name)) or "<i>other jobs</i>"
    return (
        '<div style="display:flex;gap:10px;align-items:center">'
        f'<span style="width:12em;{_CUT}">{shown}</span>'
        f'{_bar(statuses, 8)}<span title="{said}" style="width:20em;{_CUT};{_QUIET}">{said}</span></div>'
    )


def _hint(status: Status) -> str | None:
    """What to type next, where nothing goes on by itself."""
    if status.is_done:
        failed = status.statuses.get(JobStatus.FAILED, 0) + status.statuses.get(JobStatus.TERMINATED, 0)
        return "wf.failures() says why; wf.rerun() runs them again." if failed else None
    if status.workers or status.waiting:
        return None
    return "No worker runs: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm for n nodes."


def _worker_row(worker: WorkerModel) -> str:
    gpus = [_number(worker.num_gpus, "GPU")] if worker.num_gpus else []
    cells = [
        escape(worker.host),
        ", ".join([_number(worker.num_cpus, "CPU"), *gpus]),
        format_memory(worker.memory),
        "" if worker.last_seen is None else f"seen {_clock(worker.last_seen)}",
    ]
    style = "padding:0 14px 0 0;text-align:left;border:0;background:none"
    return (
        '<tr style="background:none">'
        + "".join(f'<td style="{style};{_QUIET}">{cell}</td>' for cell in cells)
        + "</tr>"
    )


def _waiting(message: str, group: Sequence[AllocationModel]) -> str:
    names = ", ".join(str(one.scheduler_job or one.id) for one in group[:5]) + (", …" if len(group) > 5 else "")
    since = min((one.submitted for one in group if one.submitted is not None), default=None)
    what = "allocation" if group[0].kind == "slurm" else "worker"
    when = "" if since is None else f" since {_clock(since)}"
    reason = f": {escape(message)}" if message else ""
    return (
        f'<div>{_number(len(group), what)} awaited{when} <span style="{_QUIET}">({escape(names)}){reason}</span></div>'
    )


def _failed(one: AllocationModel) -> str:
    reason, _, end_of_log = one.message.partition("\n")
    what = f"Allocation {one.scheduler_job or one.id}" if one.kind == "slurm" else "A worker on this machine"
    log = (
        # Reversed, so that it stands scrolled to its end.
        '<div style="display:flex;flex-direction:column-reverse;max-height:16em;overflow:auto">'
        '<pre style="margin:2px 0;white-space:pre-wrap;font-size:90%;background:none;color:inherit">'
        f"{escape(end_of_log)}</pre></div>"
        if end_of_log.strip()
        else ""
    )
    path = f'<div style="{_QUIET}">{escape(one.log)}</div>' if one.log else ""
    return f'<div style="{_ALERT}">{escape(what)} failed: {escape(reason)}{log}{path}</div>'


def _rest(n: int, what: str) -> list[str]:
    return [_quiet(f"and {n:,} more {what}")] if n > 0 else []


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _quiet(text: str) -> str:
    return f'<div style="{_QUIET}">{escape(text)}</div>'


def _block(content: str) -> str:
    return f'<div class="torc-nb" style="line-height:1.6;{_STRONG}">{content}</div>'


def _clock(seconds: float) -> str:
    """A time of today as a clock shows it, an earlier one with its day."""
    moment = time.localtime(seconds)
    today = moment[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", moment)
