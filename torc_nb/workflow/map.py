"""``Map``: one declared mapping, and everything that came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torc_nb.api import Api
from torc_nb.api.selection import Wanted, Where
from torc_nb.errors import NotFound
from torc_nb.models import JobStatus
from torc_nb.workflow import measuring, waiting
from torc_nb.workflow.looking import jobs_table, parsed
from torc_nb.workflow.modifying import Modifying
from torc_nb.workflow.partial import Partial
from torc_nb.workflow.plotting import MapPlots

if TYPE_CHECKING:
    import pandas as pd

    from torc_nb.widgets import GridView

#: How many results are fetched together where a map is iterated.
_PIECE = 500


class Map(Modifying, Partial):
    """One declared mapping of a workflow.

    All its state is in the database: in a new kernel, ``wf["run"]`` gives the same. Iterating it waits and gives the
    results in order, as ``Executor.map`` does.
    """

    def __init__(self, api: Api, workflow_id: int, map_id: int, name: str) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self._map_id = self.id = map_id
        self.name = name

    def __repr__(self) -> str:
        without = self._api.map_shortfall(self._workflow_id, self.id)
        told = "" if without is None else f"; postprocess {without}"
        return f"Map({self.name!r}: {_in_words(self._numbers())}{told})"

    def __len__(self) -> int:
        order = self._api.map_order(self.id)
        if order is not None:
            return len(order)
        return sum(self._numbers().values()) - (self._postprocess_id() is not None)

    def __iter__(self) -> Iterator[Any]:
        """Give each result in order as soon as it is there; raise JobFailed at the first job that failed."""
        left = deque(self._job_ids())
        while left:
            piece = [left[i] for i in range(min(len(left), _PIECE))]
            there = self._api.values(self.id, piece)
            for job_id in piece:
                left.popleft()
                if job_id not in there:
                    yield self._wait_for(job_id)
                    break  # meanwhile others completed: they are fetched together
                yield there[job_id]

    def params(
        self,
        *,
        flat: bool = False,
        status: str | Sequence[str] | None = None,
        where: Where | None = None,
        jobs: Iterable[int] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> pd.DataFrame:
        """Return the parameters as a DataFrame, with the index that they were given with; ``modify`` takes it back.

        The parameters are those of ``results``. What is made with ``flat=True`` is to look at: ``modify`` refuses it.
        """
        from torc_nb import frames

        map_ = self._api.get_map(self._workflow_id, self.name)
        wanted = Wanted(parsed(status), where, jobs, limit, offset)
        chosen = None if wanted.is_all else sorted(self._api.map_selection(self.id, wanted).jobs or ())
        return frames.params(
            self._api.map_inputs(self.id, chosen),
            map_.shape,
            # All of them, so that a part of the table knows which of the map's rows it has.
            self._api.map_order(self.id) if chosen is None else self._job_ids(),
            self._api.map_decoder(self.id),
            map_id=None if flat else self.id,
            created=map_.created,
            flat=flat,
        )

    def edit(self) -> GridView:
        """Show the parameters as a grid in the notebook: type, paste, see what would run again, apply.

        What ``params()`` and ``modify()`` do with a DataFrame, it does cell by cell: a text that cannot be what the
        parameter is is refused in its cell, and what others changed meanwhile is shown and not overwritten. Nothing is
        written before "Apply and rerun", which writes the changed cells and runs again what they affect.

        Raises
        ------
        InvalidRequest
            The rows are what the jobs of another map return.
        """
        from torc_nb import widgets
        from torc_nb.workflow.editing import Editing

        return widgets.GridView(Editing(self._api, self._workflow_id, self.name), f"wf[{self.name!r}]")

    def set_priority(self, priority: int) -> None:
        """Let its jobs begin before those of maps of a lower priority, at once and however many there are.

        It stays when the cell that maps is run again as it was; workers go on with what they hold.
        """
        self._api.set_priority(self._own_map(), priority)
        print(f"{self.name}: priority {priority}")

    def usage(self) -> pd.DataFrame:
        """Return what its jobs asked for against what they took, with a recommendation, as ``Workflow.usage`` does."""
        return measuring.usage(self._api, self._workflow_id, self.name)

    def apply_recommended(self) -> None:
        """Let its jobs ask for what :meth:`usage` recommends, as ``Workflow.apply_recommended`` does."""
        measuring.apply_recommended(self._api, self._workflow_id, self.name)

    def is_of(self, api: Api, workflow_id: int) -> bool:
        """Whether it is a map of this workflow, in this database."""
        return self._workflow_id == workflow_id and self._api.database.url == api.database.url

    def _own_map(self) -> int:
        return self.id

    def results(
        self,
        *,
        provenance: bool = False,
        flat: bool = False,
        status: str | Sequence[str] | None = None,
        where: Where | None = None,
        jobs: Iterable[int] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> pd.DataFrame:
        """Return parameters and results side by side; usable while jobs run.

        Parameters
        ----------
        provenance : bool, default False
            Adds columns ``job.*``: id, status, run id, attempt, return code, code version, host, start, seconds, CPU
            seconds, peak memory in bytes, error.
        flat : bool, default False
            Give each value within dicts a column of its own, as in ``result.fit.slope``.
        status : str or sequence of str, optional
            Of jobs of these statuses only.
        where : callable or mapping, optional
            Of those only whose parameters fulfil it, as in ``where=lambda row: row["x"] > 3``, or have these values,
            as in ``where={"x": 3}``, which is quicker: the database looks for them.
        jobs : iterable of int, optional
            Of jobs of these ids only.
        limit, offset : int, optional
            So many rows, after the first ``offset``.

        Returns
        -------
        DataFrame
            One row a parameter set in the order of the last call of ``map``, with its index. Results are
            ``result.x`` for a dict, ``result`` for anything else, missing where a job has not completed.
        """
        from torc_nb import frames

        wanted = Wanted(parsed(status), where, jobs, limit, offset)
        selected = self._api.map_selection(self.id, wanted)
        chosen = None if wanted.is_all else sorted(selected.jobs or ())
        return frames.results(
            self._api.map_rows(self.id, provenance=provenance, job_ids=chosen),
            self._api.map_shape(self.id),
            selected.order,
            self._api.map_decoder(self.id),
            provenance=provenance,
            versions=self._api.code_labels(self._workflow_id) if provenance else None,
            first=selected.first,
            flat=flat,
            shown=self._api.map_statuses(self.id) if provenance else int,
        )

    def jobs(
        self,
        status: str | Sequence[str] | None = None,
        limit: int | None = None,
        *,
        offset: int = 0,
        jobs: Iterable[int] | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Return the jobs as a DataFrame, in the order of their ids; see ``Workflow.jobs`` for what can be asked."""
        return jobs_table(self._api, self._workflow_id, [self], self.id, status, limit, offset, jobs, where)

    def failures(self) -> pd.DataFrame:
        """Return the failed jobs in groups, with what those of each share; see ``Workflow.failures``."""
        from torc_nb import frames

        return frames.failures(self._api.failures(self._workflow_id, self.id))

    @property
    def plot(self) -> MapPlots:
        """Its pictures: ``m.plot.timeline()``, ``resources()`` and ``durations()``."""
        return MapPlots(self._api, self._workflow_id, self.id)

    def check_files(self) -> pd.DataFrame:
        """Return the files that are gone, or changed, since jobs of this map returned their paths."""
        from torc_nb import frames

        return frames.file_changes(self._api.check_files(self._workflow_id, map_id=self.id))

    def value(self, job: int) -> Any:
        """Return what a job returned, as the object that it was.

        Raises
        ------
        JobFailed
            It failed; with the traceback.
        NotFound
            It has not completed.
        """
        return self._api.value(self._workflow_id, job)

    def postprocess_result(self) -> Any:
        """Return what postprocess returned.

        Raises
        ------
        NotFound
            The map has none, or it has not completed; the message says why.
        JobFailed
            It failed.
        """
        job_id = self._postprocess_id()
        if job_id is None:
            raise NotFound(f"Map {self.name} has no postprocess: give map(…, postprocess=function).")
        return self.value(job_id)

    def _job_ids(self) -> Sequence[int]:
        order = self._api.map_order(self.id)
        return order if order is not None else self._api.map_job_ids(self.id)

    def _postprocess_id(self) -> int | None:
        job_id: int | None = self._api.get_map(self._workflow_id, self.name).postprocess_id
        return job_id

    def _numbers(self) -> dict[JobStatus, int]:
        return self._api.map_numbers(self._workflow_id, self.id)

    def _wait_for(self, job_id: int) -> Any:
        for _ in waiting.looks(self._api, self._workflow_id, self.id):
            if JobStatus(self._api.get_job(job_id).status).is_finished:
                return self.value(job_id)
        raise AssertionError("looks never ends")


def _in_words(numbers: dict[JobStatus, int]) -> str:
    return ", ".join(f"{n:,} {status.label}" for status, n in sorted(numbers.items())) or "no jobs"
