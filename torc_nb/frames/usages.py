"""What jobs asked for against what they took, as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from torc_nb.api import JobUsage

_DTYPES = {
    "map": "str", "requirement": "int64", "jobs": "int64", "measured": "int64",
    "cpus_asked": "int64", "cpus_half": "Float64", "cpus_95": "Float64", "cpus_max": "Float64",
    "memory_asked": "Int64", "memory_half": "Int64", "memory_95": "Int64", "memory_max": "Int64",
    "runtime_asked": "Float64", "runtime_half": "Float64", "runtime_95": "Float64", "runtime_max": "Float64",
    "cut_by_walltime": "int64", "out_of_memory": "int64",
    "cpus_recommended": "Int64", "memory_recommended": "Int64", "runtime_recommended": "Float64",
    "jobs_per_node": "int64", "jobs_per_node_recommended": "Int64",
}  # fmt: skip


def job_usage(rows: Iterable[JobUsage]) -> pd.DataFrame:
    """List maps and what their jobs ask for, one a row: memory in bytes, times in seconds, ``pd.NA`` if not known."""
    return pd.DataFrame([_row(one) for one in rows], columns=list(_DTYPES)).astype(_DTYPES)


def _row(one: JobUsage) -> dict[str, Any]:
    better = one.recommended
    row: dict[str, Any] = {
        "map": one.map,
        "requirement": one.asked.id,
        "jobs": one.jobs,
        "measured": one.measured,
        "cut_by_walltime": one.stopped.cut,
        "out_of_memory": one.stopped.out_of_memory,
        "jobs_per_node": one.at_a_time,
        "jobs_per_node_recommended": one.recommended_at_a_time,
    }
    for name, field, spread in (
        ("cpus", "num_cpus", one.cpus), ("memory", "memory", one.memory), ("runtime", "runtime", one.runtime),
    ):  # fmt: skip
        row |= {
            f"{name}_asked": getattr(one.asked, field),
            f"{name}_half": spread.half,
            f"{name}_95": spread.most,
            f"{name}_max": spread.max,
            f"{name}_recommended": None if better is None else getattr(better, field),
        }
    return row
