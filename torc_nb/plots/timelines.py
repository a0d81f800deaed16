"""Jobs on workers over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from torc_nb.api import Timeline
from torc_nb.models import JobStatus, WorkerModel
from torc_nb.models.palette import COLOURS, GROUND, INK, ORDER
from torc_nb.plots import figure, lettering, units
from torc_nb.plots.lanes import lanes

Array = np.ndarray[Any, np.dtype[Any]]

#: More workers than these share rows.
MOST_ROWS = 40
#: How much of a row its jobs take.
HEIGHT = 0.84
#: Fewer attempts than these are parted by a thin line.
PARTED = 400

_DAY = 86400.0


@dataclass(frozen=True)
class Row:
    """Workers that are drawn side by side."""

    workers: Sequence[WorkerModel]

    @property
    def label(self) -> str:
        """Where they run, and with how many CPUs."""
        first, last = self.workers[0], self.workers[-1]
        cpus = sum(worker.num_cpus for worker in self.workers)
        size = f"{cpus:,} CPU" if cpus == 1 else f"{cpus:,} CPUs"
        if len(self.workers) == 1:
            return f"{lettering.shown(first.host, 20)}\n{size}"
        hosts = first.host if first.host == last.host else f"{first.host} to {last.host}"
        return f"{lettering.shown(hosts, 24)}\n{len(self.workers):,} workers, {size}"


@dataclass(frozen=True)
class Block:
    """Jobs of one status in a row: when they were there, from where to where in the height of one row."""

    row: int
    status: JobStatus
    times: Array
    low: Array
    high: Array


def timeline(found: Timeline, ax: Axes | None = None) -> Figure:
    """Draw when attempts ran, in one row a worker; many are added up to how many ran at a time.

    What runs now stands right of a line, as it is not recorded before its end when it began.
    """
    rows = _rows(found)
    return figure.drawn(lambda axes: _draw(axes, found, rows), len(rows), ax)


def _draw(ax: Axes, found: Timeline, rows: Sequence[Row]) -> None:
    figure.title(ax, found.name, "jobs over time")
    if not rows:
        figure.sentence(ax, _why_nothing(found))
        return
    start, end = _limits(found)
    places = {worker.id or 0: number for number, row in enumerate(rows) for worker in row.workers}
    figure.rows(ax, [row.label for row in rows])
    _presence(ax, found, rows, start, end)
    blocks, highest = _single(found, places) if found.spans is not None else _added(found, places)
    _blocks(ax, blocks, found.extent.n)
    statuses = {block.status for block in blocks}
    if found.running:
        _running(ax, found, places, start, end)
        statuses.add(JobStatus.RUNNING)
    ax.set_xlim(start / _DAY, (end + _gutter(found, start, end)) / _DAY)
    units.moments(ax)
    entries: dict[str, Any] = {
        "running now" if one == JobStatus.RUNNING else one.label: COLOURS[one] for one in ORDER if one in statuses
    }
    figure.legend(ax, entries | {"worker there, idle": GROUND})
    ax.set_ylabel(_scale(found, highest))


def _scale(found: Timeline, highest: float) -> str:
    if found.spans is not None:
        return ""
    n = f"{highest:,.0f}" if highest >= 10 else f"{highest:.1f}"
    return f"jobs at a time; a row's height is {n}"


def _rows(found: Timeline) -> list[Row]:
    """Return the workers that did anything, by host; where they are many, some share a row."""
    if found.spans is not None:
        busy = {one.worker_id for one in found.spans}
    else:
        busy = {one.worker_id for one in found.heaps}
    busy |= set(found.running)
    workers = [worker for worker in found.workers if worker.id in busy]
    workers.sort(key=lambda worker: (worker.host, worker.started or 0.0))
    together = -(-len(workers) // MOST_ROWS)
    return [Row(workers[place : place + together]) for place in range(0, len(workers), together or 1)]


def _why_nothing(found: Timeline) -> str:
    waiting = sum(found.statuses.values())
    if not waiting:
        return "There are no jobs yet."
    return f"None of {waiting:,} jobs has ended yet." if waiting > 1 else "The one job has not ended yet."


def _limits(found: Timeline) -> tuple[float, float]:
    """Return from when to when: of all attempts, to now where some run; never less than a moment."""
    running = [worker.started or found.now for worker in found.workers if worker.id in found.running]
    start = found.extent.first if found.extent.n else min(running)
    end = max(found.extent.last, found.now) if found.running else found.extent.last
    return start, max(end, start + 1e-3)


def _gutter(found: Timeline, start: float, end: float) -> float:
    return 0.05 * (end - start) if found.running else 0.0


def _presence(ax: Axes, found: Timeline, rows: Sequence[Row], start: float, end: float) -> None:
    """Show from when to when workers were there."""
    for number, row in enumerate(rows):
        for worker in row.workers:
            there = max(worker.started or start, start)
            seen = min(worker.last_seen or end, end) if worker.id not in found.running else end
            if seen > there:
                bar = ((there / _DAY, (seen - there) / _DAY),)
                ax.broken_barh(bar, (number - HEIGHT / 2, HEIGHT), facecolor=GROUND, zorder=0.5)


def _single(found: Timeline, places: dict[int, int]) -> tuple[list[Block], float]:
    """Give each attempt a lane of its worker's row."""
    spans = sorted((one for one in found.spans or () if one.worker_id in places), key=lambda one: one.started)
    blocks: list[Block] = []
    by_row: dict[int, list[Any]] = {}
    for one in spans:
        by_row.setdefault(places[one.worker_id], []).append(one)
    for row, attempts in by_row.items():
        lane, n = lanes([(one.started, one.ended) for one in attempts])
        for status in {one.status for one in attempts}:
            chosen = [number for number, one in enumerate(attempts) if one.status == status]
            times = np.array([(attempts[number].started, attempts[number].ended) for number in chosen])
            low = np.array([lane[number] / n for number in chosen])
            blocks.append(Block(row, JobStatus(status), times, low, low + 1 / n))
    return blocks, 1.0


def _added(found: Timeline, places: dict[int, int]) -> tuple[list[Block], float]:
    """Stack, status by status, how many attempts ran at a time in each stretch."""
    width = (found.extent.last - found.extent.first) / found.stretches
    busy: dict[tuple[int, int], Array] = {}
    for heap in found.heaps:
        if heap.worker_id in places:
            key = places[heap.worker_id], heap.status
            _add(busy.setdefault(key, np.zeros(found.stretches)), heap, width)
    rows: dict[int, Array] = {}
    for (row, _), seconds in busy.items():
        rows[row] = rows.get(row, 0) + seconds
    highest = max(float(seconds.max()) for seconds in rows.values())
    edges = found.extent.first + width * np.arange(found.stretches + 1)
    times = np.column_stack([edges[:-1], edges[1:]])
    blocks = []
    for row in rows:
        low = np.zeros(found.stretches)
        for status in [one for one in ORDER if (row, int(one)) in busy]:
            high = low + busy[row, int(status)] / highest
            there = high > low
            blocks.append(Block(row, status, times[there], low[there], high[there]))
            low = high
    return blocks, highest / width


def _add(busy: Array, heap: Any, width: float) -> None:
    """Add the seconds that attempts worked in each stretch, from the sums of when they began and ended."""
    if heap.began_in == heap.ended_in:
        busy[heap.began_in] += heap.ended - heap.started
        return
    busy[heap.began_in] += heap.n * (heap.began_in + 1) * width - heap.started
    busy[heap.began_in + 1 : heap.ended_in] += heap.n * width
    busy[heap.ended_in] += heap.ended - heap.n * heap.ended_in * width


def _blocks(ax: Axes, blocks: Sequence[Block], n: int) -> None:
    for status in [one for one in ORDER if any(block.status == one for block in blocks)]:
        boxes = np.concatenate([_boxes(block) for block in blocks if block.status == status])
        parted = (
            {"edgecolors": "white", "linewidths": 0.5} if n <= PARTED else {"edgecolors": "face", "linewidths": 0.2}
        )
        ax.add_collection(
            PolyCollection(boxes, facecolors=COLOURS[status], label=status.label, **parted),  # type: ignore[arg-type]
            autolim=False,
        )


def _boxes(block: Block) -> Array:
    """The corners of each attempt's box; rows count from the top, and what is first stands at their foot."""
    foot = block.row + HEIGHT / 2
    low, high = foot - HEIGHT * block.low, foot - HEIGHT * block.high
    left, right = block.times[:, 0] / _DAY, block.times[:, 1] / _DAY
    corners = [np.column_stack(pair) for pair in ((left, low), (left, high), (right, high), (right, low))]
    return np.stack(corners, axis=1)


def _running(ax: Axes, found: Timeline, places: dict[int, int], start: float, end: float) -> None:
    """Show right of now how many jobs run."""
    gutter = _gutter(found, start, end)
    numbers: dict[int, int] = {}
    for worker_id, n in found.running.items():
        if worker_id in places:
            numbers[places[worker_id]] = numbers.get(places[worker_id], 0) + n
    left, right = (end + 0.1 * gutter) / _DAY, (end + gutter) / _DAY
    for row, n in numbers.items():
        bar = ((left, right - left),)
        ax.broken_barh(
            bar, (row - HEIGHT / 2, HEIGHT), facecolor=COLOURS[JobStatus.RUNNING], label=JobStatus.RUNNING.label
        )
        ax.text((left + right) / 2, row, format(n, ","), ha="center", va="center", color=INK, fontsize="small")
    ax.axvline(end / _DAY, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
