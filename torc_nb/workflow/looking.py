"""What a workflow holds, as DataFrames: filters, limits and offsets run in the database, also while jobs run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from torc_nb.api import Api, inspection
from torc_nb.api.selection import Where
from torc_nb.errors import InvalidRequest
from torc_nb.models import AllocationModel, EventModel, JobStatus, WorkerModel
from torc_nb.models.quantities import parse_duration

if TYPE_CHECKING:
    import pandas as pd

    from torc_nb.workflow.map import Map


#: Tables show times to the microsecond: what is shown at a time may have been a moment before.
_ROUNDED = 1e-6


class Looking:
    """The tables of a workflow."""

    _api: Api
    id: int
    name: str

    @property
    def maps(self) -> list[Map]:
        """The maps, in the order of their declaration; a single job of a function is none of them."""
        from torc_nb.workflow.map import Map

        found = (map_ for map_ in self._api.list_maps(self.id) if not map_.shape.get("of_job"))
        return [Map(self._api, self.id, map_.id, map_.name) for map_ in found]

    def results(self, **options: Any) -> pd.DataFrame:
        """Return parameters and results side by side where there is one map; see ``Map.results`` for the options."""
        return self._only_map("results").results(**options)

    def params(self, **options: Any) -> pd.DataFrame:
        """Return the parameters where there is one map; see ``Map.params`` for the options."""
        return self._only_map("params").params(**options)

    def _only_map(self, what: str) -> Map:
        found = self.maps
        if len(found) != 1:
            names = ", ".join(repr(one.name) for one in found) or "none"
            name = repr(found[0].name) if found else '"name"'
            raise InvalidRequest(f"{self.name} has not one map but {names}: say which, as in wf[{name}].{what}().")
        return found[0]

    def jobs(
        self,
        status: str | Sequence[str] | None = None,
        limit: int | None = None,
        *,
        offset: int = 0,
        jobs: Iterable[int] | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Return the jobs as a DataFrame, in the order of their ids, which are its index.

        Parameters
        ----------
        status : str or sequence of str, optional
            Of these statuses only.
        limit, offset : int, optional
            So many of them, after the first ``offset``.
        jobs : iterable of int, optional
            Of these ids only.
        where : callable or mapping, optional
            Those only whose parameters fulfil it (``lambda row: row["x"] > 3``) or have these values (``{"x": 3}``).

        Returns
        -------
        DataFrame
            Name, command (or the function that is called), status, scheduler, map, attempt, priority, bytes of memory
            that are asked for (missing: a share of the node's), and why a job stands as it does.
        """
        return jobs_table(self._api, self.id, self._api.list_maps(self.id), None, status, limit, offset, jobs, where)

    def user_data(
        self,
        limit: int | None = None,
        *,
        offset: int = 0,
        job: int | None = None,
        relation: str | None = None,
        flat: bool = False,
    ) -> pd.DataFrame:
        """Return the inputs and outputs of jobs, and what they consume and store besides, by their keys.

        Parameters
        ----------
        limit, offset : int, optional
            So many of them, after the first ``offset``.
        job : int, optional
            Of one job only.
        relation : {"consumes", "stores"}, optional
            What that job consumes or stores only.
        flat : bool, default False
            Give each value within dicts a column of its own, as in ``data.params.x``.
        """
        from torc_nb import frames

        found = self._api.list_user_data(self.id, job_id=job, relation=relation, limit=limit, offset=offset)
        return frames.user_data(found, flat=flat)

    def workers(self, limit: int | None = None, *, offset: int = 0) -> pd.DataFrame:
        """Return all workers that it ever had, or so many after the first ``offset``, oldest first."""
        from torc_nb import frames

        found = self._api.list_workers(self.id, limit=limit, offset=offset)
        return frames.records(WorkerModel, found, drop=["workflow_id"])

    def allocations(self, limit: int | None = None, *, offset: int = 0) -> pd.DataFrame:
        """Return all allocations that it ever had, or so many after the first ``offset``, oldest first."""
        from torc_nb import frames

        found = self._api.list_allocations(self.id, limit=limit, offset=offset)
        return frames.records(AllocationModel, found, drop=["workflow_id"])

    def events(
        self,
        limit: int | None = 1000,
        *,
        offset: int = 0,
        kind: str | Sequence[str] | None = None,
        job: int | None = None,
        since: datetime | timedelta | str | float | None = None,
    ) -> pd.DataFrame:
        """Return the newest events, oldest first.

        Parameters
        ----------
        limit, offset : int or None
            So many, after the newest ``offset``; None: all.
        kind : str or sequence of str, optional
            Of these kinds only.
        job : int, optional
            Of one job only.
        since : datetime, str, timedelta or float, optional
            Since a time (``datetime``, ISO 8601; without a zone: of this machine), or the last so long: ``"1h"``,
            seconds.
        """
        from torc_nb import frames

        kinds = None if kind is None else [kind] if isinstance(kind, str) else list(kind)
        found = self._api.list_events(
            self.id,
            limit,
            offset=offset,
            kinds=kinds,
            job_id=None if job is None else int(job),
            since=None if since is None else _moment(since),
        )
        return frames.records(EventModel, found, drop=["workflow_id"])


def jobs_table(
    api: Api,
    workflow_id: int,
    maps: Sequence[Any],
    map_id: int | None,
    status: str | Sequence[str] | None,
    limit: int | None,
    offset: int,
    jobs: Iterable[int] | None,
    where: Where | None,
) -> pd.DataFrame:
    """Return jobs of a workflow, or of one map, as a DataFrame."""
    from torc_nb import frames

    ids = None if jobs is None else sorted({int(job) for job in jobs})
    if where is not None:
        found = {id_ for map_ in maps for id_ in api.jobs_where(map_.id, where)}
        ids = sorted(found if ids is None else found.intersection(ids))
    rows = api.list_jobs(workflow_id, map_id=map_id, statuses=parsed(status), job_ids=ids, limit=limit, offset=offset)
    labels = api.job_labels(workflow_id, rows)
    return frames.jobs(
        rows,
        inspection.job_name,
        inspection.shown_status,
        labels.command,
        labels.scheduling,
        labels.note,
        labels.map_name,
        labels.memory,
    )


def parsed(status: str | Sequence[str] | None) -> list[JobStatus] | None:
    """Read one status, several or none."""
    if status is None:
        return None
    return [JobStatus.parse(one) for one in ([status] if isinstance(status, str) else status)]


def _moment(since: datetime | timedelta | str | float) -> float:
    """Return the seconds since the epoch of a time, or of so long ago."""
    if isinstance(since, str):
        try:
            since = datetime.fromisoformat(since)
        except ValueError:
            pass
    if isinstance(since, datetime):
        return since.timestamp() - _ROUNDED
    return datetime.now(UTC).timestamp() - parse_duration(since)
