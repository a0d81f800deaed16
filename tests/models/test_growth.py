"""What a job asks next that ran out of memory."""

from __future__ import annotations

import pytest

from torc_nb.errors import InvalidRequest
from torc_nb.models.growth import Growth, growth_of
from torc_nb.models.quantities import GIB


@pytest.mark.parametrize(
    ("factor", "had", "used", "asks"),
    [
        (2, 4, 3, 8),  # an allocation that failed
        (2, 4, 5, 8),
        (2, 4, 8, 16),  # it used all of that
        (2, 4, 100, 32),  # the ceiling may do where the node has room
        (2, 20, 0, 32),
        (2, 32, 40, None),
        (2, 64, 70, None),
        (1.5, 4, 0, 6),
    ],
)
def test_in_steps_up_to_the_ceiling(factor: float, had: int, used: int, asks: int | None) -> None:
    """More than it used, where that is allowed; nothing where it had all."""
    found = Growth(32 * GIB, factor).after(had * GIB, used * GIB)
    assert found == (None if asks is None else asks * GIB)


def test_it_is_read_as_it_is_written() -> None:
    """Amounts as everywhere; without a ceiling nothing grows."""
    assert growth_of(None, None, 2.0) is None
    growth = growth_of(4 * GIB, "32g", 3)
    assert growth == Growth(32 * GIB, 3.0)
    assert Growth(**growth.stored()) == growth
    for factor in (1, 0, -2, 101, True):
        with pytest.raises(InvalidRequest, match="memory_factor"):
            growth_of(None, "32g", factor)
    with pytest.raises(InvalidRequest, match="more than 0"):
        growth_of(None, 0, 2.0)
