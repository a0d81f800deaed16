"""What is tried again, how often, and after what wait."""

from __future__ import annotations

from typing import Any

import pytest

from torc_nb import Retry
from torc_nb.errors import InvalidRequest
from torc_nb.models.retries import LONGEST_WAIT, class_name


class OwnError(ConnectionError):
    """An error of a module."""


def test_waits_grow_up_to_a_limit() -> None:
    """By the factor, from the first wait."""
    retry = Retry(50, wait="10s", factor=2)
    assert [retry.wait_before(n) for n in (1, 2, 3)] == [10, 20, 40]
    assert retry.wait_before(1000) == LONGEST_WAIT


@pytest.mark.parametrize(
    ("on", "code", "wanted"),
    [
        ((), 1, True),
        (OwnError, 1, True),
        (OSError, 1, True),
        ("ConnectionError", 1, True),
        ("OwnError", 1, True),
        (class_name(OwnError), 1, True),
        ("other.OwnError", 1, False),
        (ValueError, 1, False),
        (75, 75, True),
        (75, 1, False),
        ((ValueError, 75), 75, True),
    ],
)
def test_what_it_is_tried_again_after(on: Any, code: int, wanted: bool) -> None:
    """A class or one it derives from, by a name with or without the module, or a return code; else any failure."""
    classes = [class_name(kind) for kind in OwnError.__mro__ if issubclass(kind, BaseException)]
    assert Retry(on=on).is_after(code, classes) is wanted


def test_it_is_kept_as_it_was() -> None:
    """Also where nothing is tried again."""
    retry = Retry(2, wait=1, factor=3, on=(OSError, 75))
    assert Retry(**(retry.stored() or {})) == retry
    assert Retry(0).stored() is None


@pytest.mark.parametrize(
    "wrong", [{"times": -1}, {"times": True}, {"wait": -1}, {"wait": "8d"}, {"factor": 0.5}, {"on": int}, {"on": [""]}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """The message names it."""
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        Retry(**wrong)
