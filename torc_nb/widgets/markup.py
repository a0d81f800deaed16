"""How a workflow stands, as HTML. Whatever a user or a log wrote is escaped; colours follow the notebook's theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from torc_nb.api import Status
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS
from torc_nb.widgets import shown, words
from torc_nb.widgets.pace import Rate
from torc_nb.widgets.shown import Data

_STRONG = "color:var(--jp-ui-font-color1,inherit)"
_QUIET = "color:var(--jp-ui-font-color2,inherit)"
_CUT = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_TRACK = "background:var(--jp-layout-color3,#8884)"
_ALERT = f"border-left:3px solid {COLOURS[JobStatus.FAILED]};padding-left:8px;margin-top:6px"
_CELL = "padding:0 14px 0 0;text-align:left;vertical-align:top;border:0;background:none"
_COLOURS = {name: (colour, sentence) for name, colour, sentence in shown.STATUSES}


def html(status: Status, rate: Rate | None = None) -> str:
    """Show how a workflow stands: the whole view, as it is now.

    Parameters
    ----------
    rate
        How fast jobs finish, where it is known.
    """
    return "".join(
        [
            jobs(shown.jobs(status, status.workflow.name, rate)),
            workers(shown.workers(status)),
            allocations(shown.allocations(status)),
            failures(shown.failures(status)),
        ]
    )


def jobs(data: Data) -> str:
    """Show the jobs: a bar, what it stands for, the maps where there are several, and what to do next."""
    said = " · ".join(data["said"])
    return _block(
        f"<div><b>{escape(data['title'])}</b>&ensp;{escape(said)}</div>",
        _bar(data["numbers"], 14),
        _legend(data["numbers"]),
        *(_map_row(one) for one in data["maps"]),
        _quiet(data["more"]),
        *map(_quiet, data["notes"]),
    )


def workers(data: Data) -> str:
    """Show who works, what each does, and when it was last heard of. Nothing where nobody does."""
    if not data:
        return ""
    rows = [[escape(one[name]) for name in ("host", "has", "does", "seen")] for one in data["rows"]]
    return _block(f"<div>{escape(data['title'])}</div>", _table(rows), _quiet(data["more"]))


def allocations(data: Data) -> str:
    """Show what is waited for, with Slurm's reason, and what failed, with the end of its log."""
    if not data:
        return ""
    lines = (
        f'<div>{escape(one["what"])} <span style="{_QUIET}">{escape(one["why"])}</span></div>'
        for one in data["lines"]
    )
    return _block(*lines, *map(_failed, data["failed"]), _quiet(data["more"]))


def failures(data: Data) -> str:
    """Show what went wrong in the failed jobs."""
    if not data:
        return ""
    rows = [
        [
            one["count"],
            f"<b>{escape(one['cause'])}</b> {escape(one['place'])}<br>{escape(one['said'])}",
            f"job {one['job']}",
        ]
        for one in data["rows"]
    ]
    return _block(f'<div style="{_ALERT}">{escape(data["title"])}{_table(rows)}{_quiet(data["more"])}</div>')


def trouble(data: Data) -> str:
    """Show that the database cannot be asked."""
    if not data:
        return ""
    return _block(
        f'<div role="alert" style="{_ALERT}">{escape(data["title"])}'
        f'<div style="{_QUIET}">{escape(data["message"])}</div></div>'
    )


def line(title: str, statuses: Mapping[JobStatus, int], rate: Rate | None = None) -> str:
    """Show the jobs of one title in one line: what ``wait`` shows."""
    said = " · ".join([words.numbers(statuses), *words.pace(statuses, rate)])
    return _block(_map_row({"name": shown.line(title), "numbers": shown.numbers(statuses), "said": said}))


def _bar(numbers: Sequence[Any], height: int) -> str:
    said = ", ".join(f"{n:,} {name}" for name, n in numbers)
    # However few the failed ones are, they can be seen.
    parts = "".join(
        f'<div title="{n:,} {name}" style="flex:{n} 0 0px;min-width:3px;background:{_COLOURS[name][0]}"></div>'
        for name, n in numbers
    )
    return (
        f'<div role="img" aria-label="{said or "no jobs"}" style="display:flex;height:{height}px;border-radius:3px;'
        f'overflow:hidden;flex:1;min-width:12em;{_TRACK}">{parts}</div>'
    )


def _legend(numbers: Sequence[Any]) -> str:
    entries = "".join(
        f'<span title="{escape(_COLOURS[name][1])}" style="margin-right:14px;white-space:nowrap"><span style="display:'
        f'inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px;background:{_COLOURS[name][0]}"></span>'
        f"{n:,} {name}</span>"
        for name, n in numbers
    )
    return f"<div>{entries}</div>"


def _map_row(data: Data) -> str:
    said = escape(data["said"])
    return (
        '<div style="display:flex;gap:10px;align-items:center">'
        f'<span style="width:12em;{_CUT}">{escape(data["name"]) or "<i>other jobs</i>"}</span>'
        f'{_bar(data["numbers"], 8)}<span title="{said}" style="width:27em;{_CUT};{_QUIET}">{said}</span></div>'
    )


def _failed(data: Data) -> str:
    log = (
        # Reversed, so that it stands scrolled to its end.
        '<div style="display:flex;flex-direction:column-reverse;max-height:16em;overflow:auto">'
        '<pre style="margin:2px 0;white-space:pre-wrap;font-size:90%;background:none;color:inherit">'
        f"{escape(data['log'])}</pre></div>"
        if data["log"]
        else ""
    )
    return f'<div style="{_ALERT}">{escape(data["what"])}{log}{_quiet(data["path"])}</div>'


def _table(rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    lines = ("".join(f'<td style="{_CELL};{_QUIET}">{cell}</td>' for cell in row) for row in rows)
    body = "".join(f'<tr style="background:none">{cells}</tr>' for cells in lines)
    return f'<table style="border-collapse:collapse;margin:0">{body}</table>'


def _quiet(text: str) -> str:
    return f'<div style="{_QUIET}">{escape(text)}</div>' if text else ""


def _block(*content: str) -> str:
    return f'<div class="torc-nb" style="line-height:1.6;{_STRONG}">{"".join(content)}</div>'
