"""Failed jobs grouped by what went wrong, each group with what its jobs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torc_nb.api.contrast import flat, statements
from torc_nb.models import FAILURES, JobStatus
from torc_nb.store import Database, failures, functions, workflows
from torc_nb.store.failures import Failure, Sample
from torc_nb.values.shown import shown


def grouped(database: Database, workflow_id: int, map_id: int | None = None) -> list[Failure]:
    """Return the failed jobs grouped by exception and place, the largest first, each with what its jobs share."""
    found = failures.grouped(database, workflow_id, map_id)
    if not found:
        return []
    by_map = workflows.by_map(database, workflow_id)
    completed = {one: numbers.get(JobStatus.COMPLETED, 0) for one, numbers in by_map.items()}
    failing = [one for one, numbers in by_map.items() if any(numbers.get(status) for status in FAILURES)]
    versions = functions.labels(database, workflow_id)
    samples: dict[tuple[int, ...], tuple[Sample, list[dict[str, Any]]]] = {}

    def with_shared(failure: Failure) -> Failure:
        only_one = len(failing) == 1  # then nobody needs to look
        of_maps = tuple(failing if only_one else failures.maps_of(database, workflow_id, map_id, failure))
        total = sum(completed.get(one, 0) for one in of_maps)
        if of_maps not in samples:
            others = failures.sample_of_completed(database, workflow_id, of_maps, total)
            samples[of_maps] = others, list(_facts(others, versions))
        others, facts = samples[of_maps]
        these = failures.sample_of_failed(database, workflow_id, map_id, failure)
        said = statements(list(_facts(these, versions)), facts)
        return failure._replace(shared=(*said, *_about(these, others)) if said else ())

    return [with_shared(one) for one in found[: failures.DETAILED]] + found[failures.DETAILED :]


def _facts(sample: Sample, versions: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """Give what is known of each job: its parameters by name, where it ran, and with which code."""
    for row in sample.rows:
        known = {"host": row.host, "code": versions.get(row.function_id)}
        yield {name: value for name, value in known.items() if value is not None} | _parameters(row.params)


def _parameters(text: str | None, read: Callable[[str], Any] = shown) -> dict[str, Any]:
    """Read parameters without importing or unpickling anything; what cannot be read so says nothing."""
    if text is None:
        return {}
    try:
        value = read(text)
    except Exception:  # a database may hold anything
        return {}
    return flat(dict(enumerate(value)) if type(value) in (list, tuple) else value)


def _about(these: Sample, others: Sample) -> Iterator[str]:
    """Say that not all jobs were looked at, where it is so."""
    looked_at = [
        f"{len(sample.rows):,} of {sample.total:,} {name}"
        for sample, name in ((these, "failed"), (others, "completed"))
        if not sample.is_whole
    ]
    if looked_at:
        yield f"by a sample: {', '.join(looked_at)}"
