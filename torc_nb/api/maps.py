"""Maps: declared, found, and their rows as they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from torc_nb.api import mapping, origins, outcomes, selection
from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.store import Database, awaited, functions, jobs, maps, results, shortfall, workflows

#: Rows read at a time where each may hold a mebibyte.
_FEW = 1000


class Maps:
    """The maps of workflows."""

    database: Database

    def map_function(
        self, workflow_id: int, function: origins.AnyFunction, *iterables: Iterable[Any], **options: Any
    ) -> mapping.Mapped:
        """Declare a map; see ``Workflow.map`` for the options.

        ``source_map``, instead of iterables, is the id of a map whose results are the rows; ``blocked_by_maps`` and
        ``blocked_by_jobs`` are ids of what a new map waits for.
        """
        self.database.check_writable()
        workflow = workflows.get(self.database, workflow_id)
        single = awaited.split(self.database, workflow_id, options.pop("blocked_by_jobs", ()))
        whole = tuple(sorted({*single.maps, *options.pop("blocked_by_maps", ())}))
        place = mapping.Place(blocked_by_maps=whole, blocked_by_jobs=single.jobs)
        return mapping.declare(self.database, workflow, function, iterables, place=place, **options)

    def list_maps(self, workflow_id: int) -> list[Any]:
        """Return the maps of a workflow in the order of their declaration."""
        return maps.listed(self.database, workflow_id)

    def get_map(self, workflow_id: int, name: str) -> Any:
        """Return the map of a name; NotFound, listing those there are, where there is none."""
        found = maps.find(self.database, workflow_id, name)
        if found is None:
            names = ", ".join(repr(map_.name) for map_ in maps.listed(self.database, workflow_id)) or "none"
            raise NotFound(f"There is no map {name!r} in this workflow; its maps: {names}.")
        return found

    def map_shortfall(self, workflow_id: int, map_id: int) -> str | None:
        """Say what a map's postprocess went without; None where it had all results, or has not come to run."""
        return shortfall.told(self.database, workflow_id, map_id)

    def set_priority(self, map_id: int, priority: int) -> None:
        """Let a map's jobs be taken before those of maps of a lower priority; workers go on with what they hold."""
        self.database.check_writable()
        maps.set_priority(self.database, map_id, priority)

    def map_rows(
        self, map_id: int, *, provenance: bool = False, job_ids: Sequence[int] | None = None
    ) -> Iterator[Sequence[Any]]:
        """Yield (job id, key, status, params, value) of a map's jobs in the order of their ids, then the provenance."""
        map_ = maps.get(self.database, map_id)
        return results.of_map(self.database, map_.workflow_id, map_id, provenance=provenance, job_ids=job_ids)

    def rows_in_order(self, map_id: int) -> Iterator[Sequence[Any]]:
        """Yield what ``map_rows`` does, with the provenance, of the rows of the last call in its order."""
        map_ = maps.get(self.database, map_id)
        order = maps.order_of(map_)
        read = partial(results.of_map, self.database, map_.workflow_id, map_id, provenance=True, chunk=_FEW)
        if order is None:
            yield from read()
            return
        for start in range(0, len(order), _FEW):
            ids = order[start : start + _FEW]
            found = {row[0]: row for row in read(job_ids=sorted(ids))}
            yield from (found[id_] for id_ in ids if id_ in found)

    def rows_of_no_map(self, workflow_id: int) -> Iterator[Sequence[Any]]:
        """Yield what ``map_rows`` does, with the provenance, of the jobs that are single ones."""
        single = [map_.id for map_ in maps.listed(self.database, workflow_id) if map_.shape.get("of_job")]
        for map_id in (0, *single):
            yield from results.of_map(self.database, workflow_id, map_id, provenance=True, chunk=_FEW)

    def map_selection(self, map_id: int, wanted: selection.Wanted) -> selection.Selection:
        """Return which jobs of a map are wanted, in its order."""
        return selection.of_map(self.database, maps.get(self.database, map_id), wanted, self.map_decoder(map_id))

    def jobs_where(self, map_id: int, where: selection.Where) -> Iterator[int]:
        """Yield the jobs of a map whose parameters fulfil a condition, or have some values."""
        return selection.where_of_map(self.database, maps.get(self.database, map_id), where, self.map_decoder(map_id))

    def map_order(self, map_id: int) -> Sequence[int] | None:
        """Return the job ids of the last call's rows in its order; None: all, in the order of their ids."""
        return maps.order_of(maps.get(self.database, map_id))

    def map_job_ids(self, map_id: int) -> list[int]:
        """Return the ids of all jobs of a map, those too that are none of the last call's rows, in their order."""
        return jobs.chosen(self.database, maps.get(self.database, map_id).workflow_id, map_id)

    def map_statuses(self, map_id: int) -> Callable[[int], JobStatus]:
        """Return what says as what the statuses of a map's jobs are shown."""
        map_ = maps.get(self.database, map_id)
        started = workflows.get(self.database, map_.workflow_id).state != "created"
        return partial(workflows.shown_status, started=started, blocked=map_.blocked)

    def map_shape(self, map_id: int) -> dict[str, Any]:
        """Return how the parameters of a map looked: columns, index."""
        shape: dict[str, Any] = maps.get(self.database, map_id).shape
        return shape

    def map_decoder(self, map_id: int) -> outcomes.Decoder:
        """Return what gives the stored parameters and results of a map back as objects."""
        map_ = maps.get(self.database, map_id)
        return outcomes.decoder_of_map(self.database, workflows.get(self.database, map_.workflow_id), map_id)

    def label_decoder(self, workflow_id: int) -> Callable[[str], Any]:
        """Return what gives the stored labels of rows back."""
        return outcomes.decoder_of_labels(self.database, workflows.get(self.database, workflow_id))

    def code_labels(self, workflow_id: int) -> dict[int, str]:
        """Return for each function of a workflow its version's label, as in ``"v2"``."""
        return functions.labels(self.database, workflow_id)
