"""Seconds, bytes and moments on an axis, in the unit that fits."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, NamedTuple

from dateutil import tz  # pandas and matplotlib bring it
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

#: Values that differ by more are shown on a logarithmic axis.
WIDE = 50


class Unit(NamedTuple):
    """A unit, and how much it is of the basic one."""

    name: str
    size: float


# matplotlib has no types for these.
_Locator: Any = dates.AutoDateLocator
_Formatter: Any = dates.ConciseDateFormatter

_TIMES = (Unit("ms", 1e-3), Unit("s", 1.0), Unit("min", 60.0), Unit("h", 3600.0), Unit("d", 86400.0))
_CLOCK = (
    (1e-6, "1 µs"), (1e-5, "10 µs"), (1e-4, "100 µs"), (1e-3, "1 ms"), (1e-2, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"),
    (10.0, "10 s"), (60.0, "1 min"), (600.0, "10 min"), (3600.0, "1 h"), (36e3, "10 h"), (86400.0, "1 d"),
    (864e3, "10 d"), (864e4, "100 d"),
)  # fmt: skip
#: Shown too where few of those are in sight.
_BETWEEN = (
    (3e-5, "30 µs"), (3e-4, "300 µs"), (3e-3, "3 ms"), (0.03, "30 ms"), (0.3, "300 ms"), (3.0, "3 s"), (30.0, "30 s"),
    (180.0, "3 min"), (1800.0, "30 min"), (10800.0, "3 h"), (259200.0, "3 d"), (2592e3, "30 d"),
)  # fmt: skip
GIB = Unit("GiB", float(2**30))
ONE = Unit("", 1.0)


def of_time(seconds: float) -> Unit:
    """Return the unit in which a time is a number above one or so."""
    fitting = [unit for unit in _TIMES if unit.size * 1.5 <= seconds]
    return fitting[-1] if fitting else _TIMES[0]


def said(amount: float, unit: Unit | None = None) -> str:
    """Say an amount, a time in the unit that fits it: ``"1.5 min"``."""
    fitting = unit or of_time(amount)
    return f"{_number(amount / fitting.size)} {fitting.name}".rstrip()


def mark_times(ax: Axes, what: str) -> None:
    """Write times along an axis in the unit that fits; along a logarithmic one, in units as clocks have them."""
    low, high = ax.get_xlim()
    if ax.get_xscale() != "log":
        mark(ax, what, of_time(high))
        return
    within = [one for one in _CLOCK if low <= one[0] <= high]
    if len(within) < 3:
        within = sorted(one for one in (*_CLOCK, *_BETWEEN) if low <= one[0] <= high)
    every = -(-len(within) // 6)
    ax.set_xticks([seconds for seconds, _ in within[::every]], [name for _, name in within[::every]])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(what)


def span(ax: Axes, values: list[float], *, may_be_wide: bool = True) -> bool:
    """Let an axis reach over amounts, logarithmic where they differ widely; returns whether it is so."""
    above = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = min(above, default=1.0), max(above, default=1.0)
    if may_be_wide and high > WIDE * low:
        ax.set_xscale("log")
        ax.set_xlim(low / 1.5, high * 1.5)
        return True
    ax.set_xlim(0, high * 1.08)
    return False


def mark(ax: Axes, what: str, unit: Unit) -> None:
    """Write amounts of the basic unit along an axis in another, and name it."""
    if ax.get_xscale() == "log":
        ax.xaxis.set_major_locator(LogLocator(numticks=6))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value / unit.size)))
    else:
        top = ax.get_xlim()[1] / unit.size
        ticks = [tick for tick in MaxNLocator(5).tick_values(0, top) if 0 <= tick <= top]
        ax.set_xticks([tick * unit.size for tick in ticks], [_number(tick) for tick in ticks])
    ax.set_xlabel(f"{what} ({unit.name})" if unit.name else what)


def moments(ax: Axes) -> None:
    """Write seconds since the epoch, as days along the axis, as local time, and name its zone."""
    zone = tz.tzlocal()
    locator = _Locator(tz=zone, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(_Formatter(locator, tz=zone))
    last = datetime.fromtimestamp(ax.get_xlim()[1] * 86400, tz=zone)
    offset = last.strftime("%z")
    zone_name = "UTC" if last.tzname() == "UTC" else f"{last.tzname()} (UTC{offset[:3]}:{offset[3:5]})"
    ax.set_xlabel(f"local time, {zone_name}", loc="left")


def _number(value: float) -> str:
    """A number with two or three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:.3g}"
