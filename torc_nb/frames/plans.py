"""Before nodes are asked for, as DataFrames: how many there are to choose from, and whether jobs could run there."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from torc_nb.api import Check, NodeChoice


def plan(choices: Iterable[NodeChoice], best: NodeChoice | None) -> pd.DataFrame:
    """List numbers of nodes, one a row: memory in bytes of each node, times in seconds, ``pd.NA`` where not known."""
    rows = [
        {
            "partition": one.shape.partition,
            "cpus": one.shape.room.num_cpus,
            "memory": one.shape.room.memory,
            "walltime": one.shape.room.time_left,
            "jobs_per_node": one.at_a_time,
            "nodes": one.nodes,
            "rounds": one.rounds,
            "allocations": one.allocations,
            "seconds": one.seconds,
            "node_hours": one.node_hours,
            "charge": one.charge,
            "best": one == best,
        }
        for one in choices
    ]
    dtypes = {
        "partition": "str", "cpus": "int64", "memory": "int64", "walltime": "Float64", "jobs_per_node": "int64",
        "nodes": "int64", "rounds": "Int64", "allocations": "Int64", "seconds": "Float64", "node_hours": "Float64",
        "charge": "Float64", "best": "bool",
    }  # fmt: skip
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def checks(found: Iterable[Check]) -> pd.DataFrame:
    """List what was looked at, one a row: whether it is as it has to be, ``pd.NA`` where that is not known."""
    rows = [(one.what, one.ok, one.seen, one.advice) for one in found]
    frame = pd.DataFrame(rows, columns=["what", "ok", "seen", "advice"])
    dtypes = {"what": "str", "ok": "boolean", "seen": "str", "advice": "str"}
    return frame.astype(dtypes).set_index("what")
