"""How a job that ran out of memory asks for more by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torc_nb.errors import InvalidRequest
from torc_nb.models.quantities import format_memory, parse_memory

#: What jobs that ran out of memory ask for next, in times of what they had, where nothing is said.
FACTOR = 2.0


@dataclass(frozen=True)
class Growth:
    """Up to how much memory a job asks that ran out of it, and in which steps. Memory in bytes."""

    most: int
    factor: float = FACTOR

    def after(self, had: int, used: int) -> int | None:
        """Return what a job asks next that had so much and was stopped at so much; None where it had all there is.

        Steps are counted from what it had, so that jobs of a map ask alike and run side by side.
        """
        if had >= self.most:
            return None
        more = max(1.0, had) * self.factor
        while more <= used and more < self.most:
            more *= self.factor
        return min(int(more), self.most)

    def stored(self) -> dict[str, Any]:
        """Return it as the database keeps it."""
        return asdict(self)


def growth_of(memory: int | None, most: str | int | None, factor: float) -> Growth | None:
    """Read what ``max_memory=`` and ``memory_factor=`` were given, beside a ``memory=`` in bytes; None: no growth.

    Raises
    ------
    InvalidRequest
        They make no sense.
    """
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1.1 <= factor <= 100:
        raise InvalidRequest(f"memory_factor={factor!r}: what is asked next is 1.1 to 100 times what was not enough.")
    if most is None:
        if factor != FACTOR:
            raise InvalidRequest(f"memory_factor={factor!r}: say up to where memory grows, as in max_memory='32g'.")
        return None
    ceiling = parse_memory(most)
    if ceiling <= 0 or ceiling < (memory or 0):
        least = f" is less than memory={format_memory(memory)}" if memory else ": it has to be more than 0"
        raise InvalidRequest(f"max_memory={most!r}{least}: memory grows from the one to the other.")
    return Growth(ceiling, float(factor))
