"""What a file of an exported workflow says to whoever has no torc_nb: what is in it, and what each column means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import wrap
from typing import NamedTuple

from torc_nb.api import Summary
from torc_nb.frames.parquet import Written
from torc_nb.models import JobStatus
from torc_nb.models.quantities import counted, format_memory

_WIDTH = 100

#: The meaning of what is known of each attempt.
_MEANINGS = {
    "job.id": "number of the job",
    "job.status": "where it stands, or how it ended; see below",
    "job.run_id": "how often the workflow had been reinitialized, from 1",
    "job.attempt": "which attempt it was, from 1",
    "job.return_code": "0: it completed",
    "job.code": "version of the function; its text is in code/",
    "job.host": "name of the machine",
    "job.started": "when it began, UTC",
    "job.seconds": "how long it took, by the clock; seconds",
    "job.cpu_seconds": "time of the CPUs; seconds",
    "job.peak_memory": "the most memory that it had; bytes",
    "job.error_type": "type of the exception, where it failed",
    "job.error": "message of the exception",
}
_PARTS = {
    "index": "label of the row",
    "params": "parameter",
    "result": "what the function returned",
}


class Table(NamedTuple):
    """A Parquet file: its name, whose rows are in it, and its columns."""

    file: str
    of: str
    columns: Sequence[Written]


class Contents(NamedTuple):
    """What is in the file besides what is in every one; ``large``: the sizes in bytes of large values."""

    summary: Summary
    tables: Sequence[Table]
    code: Sequence[str]
    moment: datetime
    large: Sequence[int]
    has_logs: bool
    has_files: bool


def readme(found: Contents) -> str:
    """Return the text."""
    workflow = found.summary.workflow
    title = f"{workflow.name}: parameters and results, exported by torc_nb"
    parts = [
        f"{title}\n{'=' * len(title)}",
        *([workflow.description] if workflow.description else []),
        _paragraph(
            f"A function was called once for each set of parameters: a job. This is what all of them were given and "
            f"returned, as it stood at {found.moment:%Y-%m-%d %H:%M} UTC. The workflow is {workflow.user}'s."
        ),
        str(found.summary),
        _files(found),
        _paragraph(
            "Parquet is read by pandas (pandas.read_parquet), R (arrow::read_parquet), Julia, DuckDB and others. With "
            'torc_nb, Workflow.open("FILE.zip") shows all of it as DataFrames, and what failed and why; it changes '
            "nothing and needs none of the code above."
        ),
        *(_dictionary(table) for table in found.tables),
        "Values\n------\n"
        + _paragraph(
            "A missing value (null) is one that was not given or that the job has not returned; NaN is a number that "
            "was computed. A value within dicts has a column of its own, named with dots. Where a column holds values "
            "of several types, they are texts, of lists and the like in JSON. <TYPE, SIZE> stands for an object that "
            "only Python can read (a pickle), which is in workflow.db; <TYPE, SIZE> in values/… for a long one there."
        ),
        "Statuses\n--------\n" + "\n".join(f"{one.label:<14} {one.sentence}" for one in JobStatus),
        "Node-hours\n----------\n"
        + _paragraph(
            "A node is held by a worker from when it began until it was last seen; a job takes that share of its node "
            "which it asked for, of the CPUs, the GPUs or the memory, whichever is the largest. Wasted is what "
            "attempts took that failed or whose results were replaced, and what no attempt took."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _files(found: Contents) -> str:
    rows = [(table.file, f"parameters and results of {table.of}") for table in found.tables]
    rows += [(name, "code that ran") for name in found.code if name.count("/") == 1]
    if any(name.count("/") > 1 for name in found.code):
        rows.append(("code/…-modules/", "local modules that it imported"))
    rows += [
        ("summary.json", "jobs, versions of the code, node-hours, packages"),
        ("workflow.db", "everything as an SQLite database: all attempts, tracebacks, workers, events"),
    ]
    if found.large:
        size = format_memory(sum(found.large))
        largest = format_memory(max(found.large))
        rows.append(("values/", f"{counted(len(found.large), 'large value')}, {size}; the largest has {largest}"))
    if found.has_logs:
        rows.append(("logs/", "what jobs printed"))
    left = [] if found.has_files else ["large values"]
    left += [] if found.has_logs else ["what jobs printed"]
    width = max(len(name) for name, _ in rows)
    lines = ["Files", "-----", *(f"{name:<{width}}  {meaning}" for name, meaning in rows)]
    if left:
        lines.append(f"Left out: {' and '.join(left)}.")
    lines.append("Files that jobs wrote are not here: of those that they returned, workflow.db has path and size.")
    return "\n".join(lines)


def _dictionary(table: Table) -> str:
    rows = [(one.name, one.type, _meaning(one)) for one in table.columns]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:2]]
    lines = [f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {meaning}" for name, kind, meaning in rows]
    title = f"Columns of {table.file}"
    return "\n".join([title, "-" * len(title), *lines])


def _meaning(column: Written) -> str:
    return _MEANINGS.get(column.name, "") if column.part == "job" else _PARTS[column.part]


def _paragraph(text: str) -> str:
    return "\n".join(wrap(text, _WIDTH))
