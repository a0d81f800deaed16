"""Whether what came back is what went in: same types all the way down, same content, NaN alike to NaN."""

from __future__ import annotations

from collections import deque
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel


def assert_alike(got: Any, wanted: Any) -> None:
    """Fail unless the two cannot be told apart."""
    assert type(got) is type(wanted)
    if got is wanted:
        return
    if isinstance(wanted, np.ndarray):
        assert got.dtype == wanted.dtype
        assert got.shape == wanted.shape
        for name in wanted.dtype.names or ():  # numpy finds no NaN alike to NaN inside a structure
            assert_alike(np.asarray(got[name]), np.asarray(wanted[name]))
        if not wanted.dtype.names:
            np.testing.assert_array_equal(got, wanted, strict=True)
    elif isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(got, wanted)
    elif isinstance(wanted, pd.Series):
        pd.testing.assert_series_equal(got, wanted)
    elif isinstance(wanted, pd.Index):
        pd.testing.assert_index_equal(got, wanted, exact=True)
    elif isinstance(wanted, dict):
        assert_alike(list(got), list(wanted))
        assert_alike(list(got.values()), list(wanted.values()))
    elif isinstance(wanted, (list, tuple, deque)):
        assert (len(got), getattr(got, "maxlen", 0)) == (len(wanted), getattr(wanted, "maxlen", 0))
        for one, other in zip(got, wanted, strict=True):
            assert_alike(one, other)
    elif isinstance(wanted, (set, frozenset)):
        assert sorted(map(repr, got)) == sorted(map(repr, wanted))
    elif is_dataclass(wanted) and not isinstance(wanted, type):
        for part in fields(wanted):
            assert_alike(getattr(got, part.name), getattr(wanted, part.name))
    elif isinstance(wanted, BaseModel):
        assert_alike(got.__getstate__(), wanted.__getstate__())
    elif repr(wanted).startswith("<") or "functools.partial" in repr(wanted):
        assert got == wanted or vars(got) == vars(wanted) or got.func is wanted.func
    else:
        assert repr(got) == repr(wanted)
