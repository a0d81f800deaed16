"""How a workflow stands, in one line of plain text."""

from __future__ import annotations

from collections.abc import Mapping

from torc_nb.api import Status
from torc_nb.models import JobStatus
from torc_nb.models.names import printable
from torc_nb.models.quantities import counted, format_range
from torc_nb.widgets.pace import Rate

#: What is worth a word beside the completed ones; what waits is the rest.
_NOTABLE = (JobStatus.FAILED, JobStatus.TERMINATED, JobStatus.CANCELED, JobStatus.RUNNING)


def text_line(status: Status, rate: Rate | None = None) -> str:
    """Say how a workflow stands: ``sweep: 312 of 50,000 completed, 3 failed, 2 running · 1,204/s · 38 to 44 s left``.

    Parameters
    ----------
    rate
        How fast jobs finish, where it is known.
    """
    return " · ".join([line(status.workflow.name, status.statuses, rate), *versions(status), *stops(status)])


def line(title: str, statuses: Mapping[JobStatus, int], rate: Rate | None = None) -> str:
    """Say how the jobs of one title stand."""
    return " · ".join([f"{printable(title)}: {numbers(statuses)}", *pace(statuses, rate)])


def numbers(statuses: Mapping[JobStatus, int]) -> str:
    """Say how many jobs there are, completed and otherwise: ``312 of 50,000 completed, 3 failed``."""
    return ", ".join([completed(statuses), *others(statuses)])


def completed(statuses: Mapping[JobStatus, int]) -> str:
    """Say how many jobs there are and how many of them completed: ``312 of 50,000 completed``."""
    total = sum(statuses.values())
    return f"{statuses.get(JobStatus.COMPLETED, 0):,} of {total:,} completed" if total else "no jobs yet"


def others(statuses: Mapping[JobStatus, int]) -> list[str]:
    """Say what is notable beside the completed ones: ``["3 failed", "2 running"]``."""
    return [f"{statuses[status]:,} {status.label}" for status in _NOTABLE if statuses.get(status)]


def pace(statuses: Mapping[JobStatus, int], rate: Rate | None) -> list[str]:
    """Say how fast it goes and how long it will take, where both are known: ``["1,204/s", "38 to 44 s left"]``.

    With 80 % it takes as long as is said there, if it goes on as it went.
    """
    left = sum(n for status, n in statuses.items() if not status.is_finished)
    if not rate or not left:
        return []
    return [_speed(rate.per_second), f"{format_range(*rate.left(left))} left"]


def stops(status: Status) -> list[str]:
    """Say which maps are stopped: ``["run stopped at 100 failures"]``."""
    return [f"{printable(one.name)} stopped at {counted(one.max_failures, 'failure')}" for one in status.stops]


def _speed(rate: float) -> str:
    if rate >= 1:
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    per_minute = rate * 60
    return f"{per_minute:.1f}/min" if per_minute >= 1 else f"{per_minute * 60:.1f}/h"


def versions(status: Status) -> list[str]:
    """Say by which versions of their code results were made, where there are several: ``run: 9 by v1, 3 by v2``."""
    return [
        f"{printable(name)}: {', '.join(f'{n:,} by {version}' for version, n in numbers.items())}"
        for name, numbers in status.versions.items()
    ]
