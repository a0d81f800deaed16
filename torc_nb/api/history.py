"""What can be drawn of a workflow: when its attempts ran, what they took, and what waits for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torc_nb.api import inspection
from torc_nb.models import JobStatus, ResourceRequirementsModel, WorkerModel
from torc_nb.store import Database, leases, requirements, spans, stages, usage, workflows
from torc_nb.store.spans import Extent, Heap, Span
from torc_nb.store.stages import Edge, Place
from torc_nb.store.usage import Most, Used

#: So many attempts are given one by one, and more are added up over so many stretches of time.
ONE_BY_ONE, STRETCHES = 3000, 300
#: How many results of a map stand for all of them.
SAMPLE = 10_000
#: So many jobs of no map are looked at one by one; of more, all are one stage.
MOST_PLAIN_JOBS = 20_000


@dataclass(frozen=True)
class Timeline:
    """When the attempts of a workflow ran, and where.

    Attributes
    ----------
    name : str
        The workflow's.
    statuses : dict
        How many of its jobs have which status.
    workers : list of WorkerModel
        Who ran them.
    extent : Extent
        How many attempts there are, and from when to when.
    spans : list of Span
        Each attempt; None where there are too many.
    heaps : list of Heap
        Otherwise: the attempts added up over stretches of equal length.
    stretches : int
        How many stretches the extent is divided into.
    running : mapping
        How many jobs run now, by worker.
    now : float
        The database's time.
    """

    name: str
    statuses: Mapping[JobStatus, int]
    workers: Sequence[WorkerModel]
    extent: Extent
    spans: Sequence[Span] | None
    heaps: Sequence[Heap]
    stretches: int
    running: Mapping[int, int]
    now: float


@dataclass(frozen=True)
class MapUsage:
    """What the jobs of one map took.

    Attributes
    ----------
    name : str
        The map's; ``""`` for the jobs of none.
    statuses : dict
        How many of its jobs have which status.
    total : int
        How many results there are.
    sample : list of Used
        All of them, or some that stand for all.
    most : list of Most
        For each resource requirement, how many results there are, and the most that any of all took.
    """

    name: str
    statuses: Mapping[JobStatus, int]
    total: int
    sample: Sequence[Used]
    most: Sequence[Most]


@dataclass(frozen=True)
class Usage:
    """What the jobs of a workflow took, map by map, and what they asked for, by the id of the requirements."""

    name: str
    maps: Sequence[MapUsage]
    requirements: Mapping[int, ResourceRequirementsModel]


@dataclass(frozen=True)
class Stage:
    """A map, or a job of none."""

    place: Place
    name: str
    statuses: Mapping[JobStatus, int]


@dataclass(frozen=True)
class Stages:
    """What a workflow is made of, and what waits for what."""

    name: str
    stages: Sequence[Stage]
    edges: Sequence[Edge]


class History:
    """What became of workflows, as it is drawn."""

    database: Database

    def timeline(
        self, workflow_id: int, *, map_ids: Sequence[int] | None = None, run_id: int | None = None
    ) -> Timeline:
        """Return when attempts ran and where; many are added up, so that a million cost little.

        Parameters
        ----------
        map_ids : sequence of int, optional
            Of these maps' jobs only; 0: of jobs of none.
        run_id : int, optional
            Of this run only.
        """
        chosen = spans.Chosen(workflow_id, map_ids, run_id)
        single: list[Span] | None = spans.spans(self.database, chosen, ONE_BY_ONE + 1)
        heaps: list[Heap] = []
        if single is not None and len(single) <= ONE_BY_ONE:
            extent = _extent(single)
        else:
            single, extent = None, spans.extent(self.database, chosen)
            heaps = spans.heaps(self.database, chosen, extent, STRETCHES)
        return Timeline(
            name=workflows.get(self.database, workflow_id).name,
            statuses=_added(inspection.status_of_maps(self.database, workflow_id), map_ids),
            workers=leases.listed(self.database, workflow_id),
            extent=extent,
            spans=single,
            heaps=heaps,
            stretches=STRETCHES,
            running=spans.running(self.database, chosen),
            now=spans.now(self.database),
        )

    def usage(
        self, workflow_id: int, *, map_ids: Collection[int] | None = None, run_id: int | None = None, most: int = 20
    ) -> Usage:
        """Return what jobs took of what they asked for, from a sample where there are many.

        Parameters
        ----------
        map_ids : collection of int, optional
            Of these maps' jobs only; 0: of jobs of none.
        run_id : int, optional
            Of this run only.
        most : int, default 20
            Of how many maps: those with the most jobs.
        """
        stands = inspection.status_of_maps(self.database, workflow_id)
        numbers = usage.numbers(self.database, workflow_id)
        asked = [one for one in stands if map_ids is None or one.map_id in map_ids]
        largest = sorted(asked, key=lambda one: -sum(one.statuses.values()))[:most]
        return Usage(
            name=workflows.get(self.database, workflow_id).name,
            maps=[
                self._usage_of(workflow_id, one, numbers.get(one.map_id, 0), run_id) for one in asked if one in largest
            ],
            requirements={one.id or 0: one for one in requirements.listed(self.database, workflow_id)},
        )

    def _usage_of(self, workflow_id: int, one: inspection.MapStatus, n: int, run_id: int | None) -> MapUsage:
        sample = usage.sampled(self.database, workflow_id, one.map_id, run_id, SAMPLE / max(n, 1))
        most = usage.most(self.database, workflow_id, one.map_id, run_id)
        return MapUsage(one.name, one.statuses, sum(group.n for group in most), sample, most)

    def stages(self, workflow_id: int) -> Stages:
        """Return the maps, the jobs of none, and what waits for what."""
        workflow = workflows.get(self.database, workflow_id)
        found = {
            ("map", one.map_id): Stage(("map", one.map_id), one.name, one.statuses)
            for one in inspection.status_of_maps(self.database, workflow_id)
        }
        rest = found.pop(("map", 0), None)
        edges = stages.edges_of_maps(self.database, workflow_id)
        if rest is not None and stages.number_of_plain_jobs(self.database, workflow_id) > MOST_PLAIN_JOBS:
            found["map", 0] = rest
            edges = [Edge(_merged(edge.before), _merged(edge.after), edge.gives) for edge in edges]
        elif rest is not None:
            for job in stages.plain_jobs(self.database, workflow_id):
                status = workflows.shown_status(job.status, started=workflow.state != "created", blocked=False)
                found["job", job.id] = Stage(("job", job.id), job.name or f"job {job.id}", {status: 1})
            edges += stages.edges_of_jobs(self.database, workflow_id)
        known = [edge for edge in edges if edge.before in found and edge.after in found and edge.before != edge.after]
        return Stages(workflow.name, list(found.values()), known)


def _extent(found: Sequence[Span]) -> Extent:
    if not found:
        return Extent(0, 0.0, 0.0)
    return Extent(len(found), min(one.started for one in found), max(one.ended for one in found))


def _merged(place: Place) -> Place:
    """Take all jobs of no map for one."""
    return ("map", 0) if place[0] == "job" else place


def _added(stands: Sequence[inspection.MapStatus], map_ids: Sequence[int] | None) -> dict[JobStatus, int]:
    sums: Counter[JobStatus] = Counter()
    for one in stands:
        if map_ids is None or one.map_id in map_ids:
            sums.update(one.statuses)
    return dict(sums)
