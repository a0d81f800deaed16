"""What a reinitialize found, or would do: numbers, and row by row why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from torc_nb.models import JobStatus
from torc_nb.store.idsets import Ids


class Affected(NamedTuple):
    """One job that is to run again, or to wait for such a one.

    ``old``, ``new`` and ``difference`` hold of parameters only those that differ; of code the versions and their diff.
    """

    job_id: int
    name: str
    map: str | None
    row: int
    key: str | None
    status: JobStatus
    reason: str
    old: str | None = None
    new: str | None = None
    difference: str | None = None


class Group(NamedTuple):
    """How many jobs of a map (None: of none) are affected for one reason."""

    map: str | None
    reason: str
    number: int


def _none() -> Iterator[Affected]:
    return iter(())


def _no_groups() -> list[Group]:
    return []


@dataclass(frozen=True)
class Report:
    """What a reinitialize did, or would do.

    Attributes
    ----------
    total : int
        How many jobs there are.
    ready : int
        How many become ready.
    waits : int
        How many wait for these.
    failed : int
        How many failed ones are left alone.
    reasons : dict
        How many jobs run again for which reason, those that follow left out.
    run_id : int
        The number of the run that begins, or, where nothing does, of the one that is.
    notes : tuple of str
        What deserves attention.
    rows : callable
        Gives the jobs affected, in the order of their ids, read as they are iterated; of a dry run only.
    groups : callable
        Counts them by map and reason, the largest group first; of a dry run only.
    jobs : Ids
        The ids of these; of a dry run only.
    """

    total: int
    ready: int
    waits: int
    failed: int
    run_id: int
    reasons: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rows: Callable[[], Iterator[Affected]] = _none
    groups: Callable[[], list[Group]] = _no_groups
    is_dry_run: bool = False
    jobs: Ids = field(default_factory=Ids)

    @property
    def affected(self) -> int:
        """How many jobs are affected."""
        return self.ready + self.waits

    def sentence(self) -> str:
        """Say it in one line."""
        parts = [self._what(), *([f"run id {self.run_id}"] if self.affected else []), *self._failed()]
        return "; ".join(parts)

    def _what(self) -> str:
        if not self.affected:
            return f"nothing changed: none of {self.total:,} jobs {'would run' if self.is_dry_run else 'runs'} again"
        be = "would be" if self.is_dry_run else "is" if self.ready == 1 else "are"
        why = ", ".join(f"{n:,} {reason}" for reason, n in self.reasons.items() if n)
        said = f"{self.ready:,} of {self.total:,} jobs {be} ready again" + (f" ({why})" if why else "")
        if self.waits:
            wait = "would wait" if self.is_dry_run else "waits" if self.waits == 1 else "wait"
            said += f", {self.waits:,} {wait}"
        return said

    def _failed(self) -> list[str]:
        if not self.failed:
            return []
        are, them = ("job is", "it") if self.failed == 1 else ("jobs are", "them")
        return [f"{self.failed:,} failed {are} unaffected: wf.rerun(status='failed') runs {them} again"]
