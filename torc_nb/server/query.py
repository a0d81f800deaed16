"""What a request asks for besides its address, checked before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import JobStatus

#: How many rows one answer has, where nothing is said, and at most.
USUAL, MOST = 100, 1000

#: An id, or an offset, has at most so many digits: databases have no larger numbers.
_DIGITS = 18


class Sort(NamedTuple):
    """In which order rows come."""

    column: str
    is_descending: bool

    @property
    def is_by_id(self) -> bool:
        """Whether it is the order in which they are found without sorting."""
        return self == Sort("id", False)


class Query:
    """The arguments of an address: ``?status=failed&limit=100``."""

    def __init__(self, arguments: Mapping[str, Sequence[str]]) -> None:
        self._arguments = arguments

    @property
    def limit(self) -> int:
        """How many rows are asked for."""
        return self._number("limit", USUAL, 1, MOST)

    @property
    def offset(self) -> int:
        """After how many rows they begin."""
        return self._number("offset", 0, 0, 10**_DIGITS)

    @property
    def map(self) -> str | None:
        """The map whose rows are asked for, by its name or id."""
        return self._last("map")

    @property
    def statuses(self) -> list[JobStatus]:
        """The statuses that are asked for; none: all."""
        words = [word for given in self._arguments.get("status", ()) for word in given.split(",") if word]
        return [status(word) for word in words]

    def sort(self, columns: Collection[str]) -> Sort:
        """The order that is asked for: ``?sort=seconds&order=desc``; by id, upwards, where none is.

        Parameters
        ----------
        columns
            What can be sorted by.

        Raises
        ------
        InvalidRequest
            Another column, or another direction; the message lists those there are.
        """
        column, order = self._last("sort") or "id", self._last("order") or "asc"
        if column not in columns:
            raise InvalidRequest(
                f"Jobs cannot be sorted by {column[:40]!r} here, but by {', '.join(columns)}. "
                "In a notebook, wf.jobs().sort_values(…) sorts by any column."
            )
        if order not in ("asc", "desc"):
            raise InvalidRequest(f"order={order[:40]!r} is neither asc nor desc.")
        return Sort(column, order == "desc")

    def _last(self, name: str) -> str | None:
        given = self._arguments.get(name)
        return given[-1] if given and given[-1] else None

    def _number(self, name: str, usual: int, least: int, most: int) -> int:
        given = self._last(name)
        if given is None:
            return usual
        if not _is_number(given) or not least <= int(given) <= most:
            raise InvalidRequest(f"{name}={given[:40]!r} is no whole number from {least:,} to {most:,}.")
        return int(given)


def status(word: object) -> JobStatus:
    """Read a status.

    Raises
    ------
    InvalidRequest
        It is none; the message has those there are.
    """
    try:
        return JobStatus.parse(str(word))
    except ValueError as error:
        raise InvalidRequest(str(error)[:500]) from error


def id_of(what: str, given: str) -> int:
    """Read the id of a workflow or a job.

    Raises
    ------
    NotFound
        It is no number, so there is none of that id.
    """
    if not _is_number(given):
        raise NotFound(f"There is no {what} {given[:40]!r}: they are called by numbers.")
    return int(given)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS
