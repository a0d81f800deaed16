"""What jobs asked for, and what they took of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from torc_nb.api import MapUsage, Usage
from torc_nb.errors import InvalidRequest
from torc_nb.models import JobStatus, ResourceRequirementsModel
from torc_nb.models.palette import AMOUNT, COLOURS, INK, PAPER, QUIET
from torc_nb.models.quantities import format_duration, format_memory
from torc_nb.plots import figure, lettering, units
from torc_nb.plots.distributions import why_nothing

Array = np.ndarray[Any, np.dtype[Any]]

#: How much of a row a bar takes.
HEIGHT = 0.34
#: A bar of a smaller share of the axis has its median as a line of its own colour, which leaves something of it.
NARROW = 0.03
#: Seconds that a job has to take for its share of a CPU to mean anything; and how far off the two clocks may be.
LONG_ENOUGH, CLOCK_SLACK = 0.02, 0.05


class Taken(NamedTuple):
    """What some jobs took of one thing: most of them between two amounts, the middle one, the most; what they asked."""

    low: float
    median: float
    high: float
    most: float
    asked: float | None
    is_over: bool


@dataclass(frozen=True)
class Group:
    """Jobs of one map that asked for the same."""

    map: MapUsage
    asked: ResourceRequirementsModel
    n: int
    memory: Taken | None
    cpus: Taken | None
    runtime: Taken | None

    @property
    def label(self) -> str:
        """The map's name, how many jobs, and what one of them asked for."""
        cpus = f"{self.asked.num_cpus} CPU" if self.asked.num_cpus == 1 else f"{self.asked.num_cpus} CPUs"
        memory = "" if self.asked.memory is None else f", {format_memory(self.asked.memory)}"
        runtime = "" if self.asked.runtime is None else f", {format_duration(self.asked.runtime)}"
        jobs = "1 job" if self.n == 1 else f"{self.n:,} jobs"
        return f"{lettering.shown(self.map.name) or 'other jobs'}\n{jobs}: {cpus}{memory}{runtime}"


def resources(usage: Usage, ax: Sequence[Axes] | None = None) -> Figure:
    """Draw memory, CPUs and run time of jobs beside what they asked for, in one row a map and resource requirement.

    Parameters
    ----------
    usage
        What jobs took.
    ax
        Three axes to draw into, for memory, CPUs and run time.
    """
    groups = [group for one in usage.maps for group in _groups(one, usage)]
    with figure.style():
        axes = _axes(ax, len(groups))
        _draw(axes, usage, groups)
    found = axes[0].get_figure(root=True)
    assert found is not None
    return found


def _axes(given: Sequence[Axes] | None, rows: int) -> Sequence[Axes]:
    if given is None:
        return list(figure.new(rows + 1 if rows else 0, width=11).subplots(1, 3, sharey=True))
    axes: list[Axes] = list(np.ravel(np.asarray(given, dtype=object)))
    if len(axes) != 3:
        raise InvalidRequest(
            f"resources draws into three axes, not {len(axes)}: fig, ax = plt.subplots(1, 3); wf.plot.resources(ax=ax)."
        )
    return axes


def _groups(one: MapUsage, usage: Usage) -> list[Group]:
    return [
        Group(one, usage.requirements[most.requirement_id], most.n, *_taken(one, most, usage))
        for most in one.most
        if most.requirement_id in usage.requirements
    ]


def _taken(one: MapUsage, most: Any, usage: Usage) -> tuple[Taken | None, Taken | None, Taken | None]:
    """Return memory, CPUs and run time of those that asked for the same; None where nothing was measured."""
    asked = usage.requirements[most.requirement_id]
    sample = [used for used in one.sample if used.requirement_id == most.requirement_id]
    memory = np.array([used.peak_memory for used in sample if used.peak_memory > 0], dtype=float)
    long = [used for used in sample if used.seconds >= LONG_ENOUGH and used.cpu_seconds > 0]
    cpus = np.array([used.cpu_seconds / used.seconds for used in long])
    ran = {JobStatus.COMPLETED, JobStatus.TERMINATED}
    seconds = np.array([used.seconds for used in sample if used.seconds > 0 and used.status in ran])
    return (
        _summed(memory, most.peak_memory, asked.memory),
        _summed(cpus, 0, asked.num_cpus, slack=CLOCK_SLACK),
        _summed(seconds, most.seconds, asked.runtime),
    )


def _summed(values: Array, most: float, asked: float | None, slack: float = 0.0) -> Taken | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, median, high = np.quantile(values, (0.05, 0.5, 0.95))
    most = max(float(values.max()), most)
    is_over = asked is not None and most > asked * (1 + slack)
    return Taken(float(low), float(median), float(high), most, asked, is_over)


def _draw(axes: Sequence[Axes], usage: Usage, groups: Sequence[Group]) -> None:
    figure.title(axes[0], usage.name, "asked for and used")
    if not groups:
        for one in axes:
            one.set_axis_off()
        figure.sentence(axes[0], why_nothing(usage))
        return
    figure.rows(axes[0], [group.label for group in groups])
    for one in axes[1:]:
        one.set_ylim(axes[0].get_ylim())
        one.tick_params(labelleft=False)
    found = [[group.memory for group in groups], [group.cpus for group in groups], [group.runtime for group in groups]]
    for panel, (one, taken) in enumerate(zip(axes, found, strict=True)):
        _panel(one, taken, is_of_cpus=panel == 1)
    units.mark(axes[0], "peak memory of a job", units.GIB)
    units.mark(axes[1], "CPUs kept busy, on average", units.ONE)
    units.mark_times(axes[2], "run time of a job")
    _legend(axes, any(one is not None and one.is_over for taken in found for one in taken))


def _panel(ax: Axes, found: Sequence[Taken | None], *, is_of_cpus: bool) -> None:
    """Draw one thing for all groups: from 5 to 95 %, the median, the most, and what was asked for."""
    ends = [end for one in found if one is not None for end in (one.low, one.most, one.asked or 0.0)]
    units.span(ax, ends, may_be_wide=not is_of_cpus)
    ax.grid(axis="x")
    for row, one in enumerate(found):
        if one is None:
            said = "not measured, or too short to tell" if is_of_cpus else "not measured"
            place: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center"}
            ax.text(0.02, row, said, color=QUIET, style="italic", fontsize="small", **place)
        else:
            _bar(ax, row, one)


def _bar(ax: Axes, row: int, one: Taken) -> None:
    colour = COLOURS[JobStatus.FAILED] if one.is_over else AMOUNT
    ax.barh(row, one.high - one.low, HEIGHT, one.low, color=AMOUNT, label="5 to 95 %")
    is_narrow = _place(ax, one.high) - _place(ax, one.low) < NARROW
    upright = [row - HEIGHT / 2, row + HEIGHT / 2]
    ax.plot([one.median] * 2, upright, color=AMOUNT if is_narrow else PAPER, linewidth=2, label="median")
    ax.plot([one.high, one.most], [row, row], color=colour, linewidth=1)
    ax.plot([one.most], [row], marker="o", markersize=5, color=colour, label="most", clip_on=False)
    if one.asked is not None:
        ax.plot([one.asked, one.asked], [row - 0.36, row + 0.36], color=INK, linewidth=2.2, label="asked for")


def _place(ax: Axes, value: float) -> float:
    """Where an amount stands, as a share of the axis."""
    scaled = ax.transScale.transform((value, 0.0))
    return float(ax.transLimits.transform(scaled)[0])


def _legend(axes: Sequence[Axes], is_any_over: bool) -> None:
    entries: dict[str, Any] = {
        "asked for": Line2D([], [], color=INK, linewidth=2.2),
        "5 to 95 % of jobs": AMOUNT,
        "the most": Line2D([], [], color=AMOUNT, marker="o", markersize=5, linewidth=1),
    }
    if is_any_over:
        over = Line2D([], [], color=COLOURS[JobStatus.FAILED], marker="o", markersize=5, linewidth=1)
        entries["more than asked for"] = over
    # It reaches over all three, and widens none.
    figure.legend(axes[0], entries).set_in_layout(False)
