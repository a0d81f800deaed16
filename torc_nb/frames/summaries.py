"""What a workflow came to, as a table."""

from __future__ import annotations

import pandas as pd

from torc_nb.api import Summary


def summary(found: Summary) -> pd.DataFrame:
    """List what a workflow came to: jobs by status, results by version of the code, node-hours, packages.

    Returns
    -------
    pandas.DataFrame
        Columns ``part``, ``name``, ``value`` (a number, or the version of a package) and ``unit``.
    """
    hours = found.node_hours
    rows: list[tuple[str, str, object, str]] = [("jobs", "all", sum(found.statuses.values()), "jobs")]
    rows += [("jobs", status.label, n, "jobs") for status, n in sorted(found.statuses.items()) if n]
    rows += [("code", f"{one.name} {one.label}", one.results, "results") for one in found.code]
    rows += [
        (part, name, value, "node-hours")
        for part, name, value in (
            ("used", "all", hours.used),
            ("used", "useful", hours.useful),
            ("wasted", "all", hours.wasted),
            ("wasted", "failed attempts", hours.failed),
            ("wasted", "results replaced", hours.replaced),
            ("wasted", "idle", hours.idle),
        )
    ]
    rows += [("packages", "Python", " and ".join(found.python), "version")] if found.python else []
    rows += [("packages", name, " and ".join(versions), "version") for name, versions in found.packages.items()]
    parts, names, values, units = zip(*rows, strict=True)
    return pd.DataFrame({"part": parts, "name": names, "value": pd.Series(values, dtype=object), "unit": units})
