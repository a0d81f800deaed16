"""How long the jobs of each map took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from torc_nb.api import MapUsage, Usage
from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS, INK, ORDER, QUIET
from torc_nb.plots import figure, lettering, units

Array = np.ndarray[Any, np.dtype[Any]]

#: Into how many columns the times are counted.
COLUMNS = 60
#: How much of a row its highest column takes.
HEIGHT = 0.78
#: How many rows of a figure's height one map takes.
_TALL = 1.5


@dataclass(frozen=True)
class Times:
    """The times of one map's jobs, in seconds by status, with those that a distribution is known by."""

    map: MapUsage
    seconds: dict[JobStatus, Array]

    @property
    def known(self) -> Array:
        """All of them; of completed jobs alone where there are any."""
        completed = self.seconds.get(JobStatus.COMPLETED)
        return completed if completed is not None else np.concatenate([*self.seconds.values(), np.empty(0)])

    @property
    def quantiles(self) -> tuple[float, float] | None:
        """Median, and what 95 % stay below."""
        return None if not len(self.known) else tuple(np.quantile(self.known, (0.5, 0.95)))

    @property
    def label(self) -> str:
        """The map's name, and how many jobs stand where."""
        counted = [f"{self.map.statuses[one]:,} {one.label}" for one in ORDER if self.map.statuses.get(one)]
        parts = [", ".join(counted[place : place + 2]) for place in range(0, len(counted), 2)]
        return "\n".join([lettering.shown(self.map.name) or "other jobs", *parts[:2]])


def durations(usage: Usage, ax: Axes | None = None) -> Figure:
    """Draw how the times of each map's jobs are distributed; what runs now is said by its number."""
    maps = [_times(one) for one in usage.maps]
    return figure.drawn(
        lambda axes: _draw(axes, usage, maps),
        math.ceil(_TALL * len(maps)) if any(one.seconds for one in maps) else 0,
        ax,
    )


def _times(one: MapUsage) -> Times:
    found: dict[JobStatus, list[float]] = {}
    for used in one.sample:
        if math.isfinite(used.seconds) and used.seconds >= 0:
            found.setdefault(JobStatus(used.status), []).append(used.seconds)
    return Times(one, {status: np.array(seconds) for status, seconds in sorted(found.items())})


def _draw(ax: Axes, usage: Usage, maps: Sequence[Times]) -> None:
    figure.title(ax, usage.name, "how long jobs took")
    every = [float(second) for one in maps for seconds in one.seconds.values() for second in seconds]
    if not every:
        figure.sentence(ax, why_nothing(usage))
        return
    figure.rows(ax, [one.label for one in maps])
    ax.set_ylim(len(maps) - 0.42, -0.62)
    edges = _columns(ax, every)
    for row, one in enumerate(maps):
        _distribution(ax, row, one, edges)
    units.mark_times(ax, "run time of a job")
    ax.grid(axis="x")
    _say_quantiles(ax, maps)
    figure.legend(ax, _entries(maps))


def why_nothing(usage: Usage) -> str:
    """Say why no job can be told of."""
    n = sum(sum(one.statuses.values()) for one in usage.maps)
    if not n:
        return "There are no jobs yet."
    return f"None of {n:,} jobs has ended yet." if n > 1 else "The one job has not ended yet."


def _columns(ax: Axes, every: list[float]) -> Array:
    """Return the edges of the columns, of equal width as drawn; what took no time falls into the first."""
    is_wide = units.span(ax, every)
    low, high = ax.get_xlim()
    return np.geomspace(low, high, COLUMNS + 1) if is_wide else np.linspace(0, high, COLUMNS + 1)


def _distribution(ax: Axes, row: int, one: Times, edges: Array) -> None:
    """Stack the columns of each status on the row's foot, and mark the quantiles."""
    counts = {
        status: np.histogram(np.clip(seconds, edges[0], edges[-1]), edges)[0] for status, seconds in one.seconds.items()
    }
    highest = max((int(column) for column in np.sum([*counts.values()], axis=0)), default=0) if counts else 0
    foot = row + 0.5 * HEIGHT
    base = np.zeros(len(edges) - 1)
    ax.axhline(foot, color=QUIET, linewidth=0.6, zorder=1)
    for status in [status for status in ORDER if status in counts]:
        tall = counts[status] / highest * HEIGHT
        there = tall > 0
        ax.bar(
            edges[:-1][there], -tall[there], np.diff(edges)[there], foot - base[there], align="edge",
            color=COLOURS[status], label=status.label, edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        base = base + tall
    if one.quantiles is not None:
        for value, dashes in zip(one.quantiles, ("solid", (0, (2, 1.5))), strict=True):
            ax.plot([value, value], [foot, foot - HEIGHT], color=INK, linewidth=1.4, linestyle=dashes, zorder=3)


def _say_quantiles(ax: Axes, maps: Sequence[Times]) -> None:
    """Write the quantiles beside the rows, where they cover nothing."""
    beside = ax.secondary_yaxis("right")
    beside.set_yticks(range(len(maps)), [_quantiles(one) for one in maps])
    beside.tick_params(length=0)
    beside.spines["right"].set_visible(False)


def _quantiles(one: Times) -> str:
    if one.quantiles is None:
        return "none has ended"
    median, most = one.quantiles
    parts = [f"median {units.said(median)}", f"95 % below {units.said(most)}"]
    if one.map.total > len(one.map.sample):
        parts.append(f"from a sample of {len(one.map.sample):,}")
    return "\n".join(parts)


def _entries(maps: Sequence[Times]) -> dict[str, Any]:
    statuses = {status for one in maps for status in one.seconds}
    entries: dict[str, Any] = {status.label: COLOURS[status] for status in ORDER if status in statuses}
    entries["median"] = Line2D([], [], color=INK, linewidth=1.4)
    entries["95 %"] = Line2D([], [], color=INK, linewidth=1.4, linestyle=(0, (2, 1.5)))
    return entries
