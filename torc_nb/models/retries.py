"""When a job that failed is tried again by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from torc_nb.errors import InvalidRequest
from torc_nb.models.quantities import parse_duration

#: A job waits at most so many seconds for its next try, whatever the factor: a week.
LONGEST_WAIT = 7 * 86400.0


@dataclass(frozen=True, init=False)
class Retry:
    """How often a failed job is tried again, after what wait, and after which failures.

    Parameters
    ----------
    times : int, default 3
        At most so many tries after the first one.
    wait : str, float or timedelta, default 0
        Before the second try: ``"10s"``, or seconds. Workers run other jobs meanwhile.
    factor : float, default 1
        Each further wait is so many times the one before; at most a week.
    on : exception class, name of one, return code, or several, optional
        What to try again after: an exception of this class or of one derived from it, by its name with or without the
        module; or the return code with which the job ended its process, as by ``sys.exit(75)``. Default: any failure.

    Raises
    ------
    InvalidRequest
        One of them makes no sense.
    """

    times: int
    wait: float
    factor: float
    on: tuple[str | int, ...]

    def __init__(
        self,
        times: int = 3,
        wait: str | float | timedelta = 0.0,
        factor: float = 1.0,
        on: type[BaseException] | str | int | Iterable[type[BaseException] | str | int] = (),
    ) -> None:
        seconds = parse_duration(wait)
        if isinstance(times, bool) or not isinstance(times, int) or not 0 <= times <= 1000:
            raise InvalidRequest(f"times={times!r}: say how often a failed job is tried again, 0 to 1000.")
        if not 0 <= seconds <= LONGEST_WAIT:
            raise InvalidRequest(f"wait={wait!r}: a job waits at least 0 s and at most 7 days for its next try.")
        if not 1 <= factor <= 100:
            raise InvalidRequest(f"factor={factor!r}: each wait is 1 to 100 times the one before.")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "wait", seconds)
        object.__setattr__(self, "factor", float(factor))
        object.__setattr__(self, "on", tuple(_named(one) for one in ([on] if isinstance(on, str | int | type) else on)))

    def is_after(self, return_code: int, classes: Sequence[str]) -> bool:
        """Whether it is tried again after such a failure; ``classes``: the exception's and those it derives from."""
        if not self.on:
            return True
        names = {*classes, *(name.rpartition(".")[2] for name in classes)}
        return any(one == return_code if isinstance(one, int) else one in names for one in self.on)

    def wait_before(self, n: int) -> float:
        """Return the seconds before the n-th try after the first one."""
        seconds = self.wait
        for _ in range(n - 1):
            seconds = min(seconds * self.factor, LONGEST_WAIT)
        return seconds

    def stored(self) -> dict[str, Any] | None:
        """Return it as the database keeps it; None where nothing is tried again."""
        return asdict(self) | {"on": list(self.on)} if self.times else None


def retry_of(retries: int | Retry) -> Retry:
    """Read what ``retries=`` was given: a number, or all of it."""
    return retries if isinstance(retries, Retry) else Retry(retries)


def class_name(kind: type[BaseException]) -> str:
    """Return the name by which an exception's class is known in the records: with its module, where it needs one."""
    is_bare = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if is_bare else f"{kind.__module__}.{kind.__qualname__}"


def _named(one: Any) -> str | int:
    if isinstance(one, type) and issubclass(one, BaseException):
        return class_name(one)
    if (isinstance(one, str) and one) or (isinstance(one, int) and not isinstance(one, bool)):
        return one
    raise InvalidRequest(f"on={one!r}: name exception classes (OSError, 'ConnectionError') or return codes.")
