"""``Workflow``: opened by name, and everything that can be done with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torc_nb.api import AnyFunction, Api, Status, current, make_api, sentence
from torc_nb.errors import InvalidRequest
from torc_nb.functions import describe
from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.models.growth import FACTOR
from torc_nb.models.retries import Retry
from torc_nb.workflow.blocking import Blockers, ids_of
from torc_nb.workflow.changing import Changing
from torc_nb.workflow.commanding import Commanding
from torc_nb.workflow.diagnosing import Diagnosing
from torc_nb.workflow.keeping import Keeping
from torc_nb.workflow.looking import Looking
from torc_nb.workflow.map import Map
from torc_nb.workflow.modifying import Modifying
from torc_nb.workflow.notifying import Notifying
from torc_nb.workflow.plotting import WorkflowPlots
from torc_nb.workflow.requirement import requirement_of
from torc_nb.workflow.running import Running
from torc_nb.workflow.waiting import Waits

if TYPE_CHECKING:
    import pandas as pd

    from torc_nb.widgets import ProgressView


class Workflow(Changing, Commanding, Diagnosing, Keeping, Looking, Modifying, Notifying, Running, Waits):
    """A workflow: maps and jobs that belong together, kept in a database.

    Parameters
    ----------
    name : str
        Opens the newest workflow of this name of this user, or makes one.
    db : str or path, optional
        The database: a ``postgresql://`` URL or the path of an SQLite file. Else ``TORC_NB_DATABASE_URL``, else what
        this kernel opened last, else the nearest ``.torc/torc.db`` upwards, else a new one here.
    files : str or path, optional
        Folder for large values, logs and spools; default: beside the SQLite file. A server's database needs one that
        all workers see.
    description : str, optional
        Of a new workflow.
    trust : bool, default False
        Use the database although other users may have written it: unpickle and run what they put there.

    Raises
    ------
    DatabaseError
        The database cannot be opened.
    NotPrivate
        Others may write the SQLite file, or what is in its folder.
    """

    def __init__(
        self,
        name: str,
        *,
        db: str | os.PathLike[str] | None = None,
        files: str | os.PathLike[str] | None = None,
        description: str = "",
        trust: bool = False,
    ) -> None:
        self._api = make_api(db, trust=trust)
        self.name = name
        try:
            self.id = self._workflow_id = self._opened(files, description)
        except BaseException:
            self._api.database.close()
            raise
        if not self._api.database.is_copy:  # the next workflow is not made in a copy
            current.use(self._api, self.id)

    def _opened(self, files: str | os.PathLike[str] | None, description: str) -> int:
        """Open the newest workflow of this name and user, or make one; and say which of the two."""
        place = "" if files is None else str(Path(files).expanduser().resolve())
        record, is_new = self._api.open_workflow(WorkflowModel(name=self.name, description=description, files=place))
        assert record.id is not None
        if is_new:
            print(f"created workflow {self.name} ({record.id}) in {self._api.database.place}")
            return record.id
        status = self._api.progress(record.id)
        failed = status.statuses.get(JobStatus.FAILED, 0)
        n = len(self._api.list_workflows(name=self.name, user=record.user))
        others = f"; the newest of {n} of that name" if n > 1 else ""
        print(f"opened {self.name} ({record.id}): {status.total:,} jobs, {failed:,} failed{others}")
        return record.id

    @property
    def api(self) -> Api:
        """The ``Api`` on which this stands."""
        return self._api

    def _numbers(self) -> dict[JobStatus, int]:
        return self._api.numbers(self.id)

    # Declaring.

    def map(
        self,
        function: AnyFunction,
        *params: Iterable[Any] | Map,
        name: str | None = None,
        key: str | Sequence[str] | None = None,
        unpack: bool | None = None,
        postprocess: AnyFunction | None = None,
        num_cpus: int = 1,
        num_gpus: int = 0,
        memory: str | int | None = None,
        runtime: str | float | timedelta | None = None,
        timeout: str | float | timedelta | None = None,
        module_directory: str | os.PathLike[str] | None = None,
        blocked_by: Blockers = (),
        priority: int = 0,
        drop: bool = False,
        retries: int | Retry = 0,
        max_failures: int | None = None,
        max_memory: str | int | None = None,
        memory_factor: float = FACTOR,
        postprocess_partial: bool = False,
    ) -> Map:
        """Declare that a function is mapped over parameters. Saying it twice does it once.

        Rows are matched to the jobs of an earlier call by the ``key`` columns, else by a DataFrame's named or
        non-default index, else by value. A matched row keeps its job and result, a new one becomes a job, an absent one
        stays but is left out of ``results()``.

        Parameters
        ----------
        function : callable, "module:function" or pair of these names
            A cell's function, or one to import by name.
        *params : iterable, or a Map
            One iterable of rows (dicts, DataFrame, anything), or several in step, as in ``Executor.map``. Of a map of
            this workflow each job's result is a row, and is run with as soon as it is there.
        name : str, optional
            Of the map; default: the function's.
        key : str or sequence of str, optional
            The columns, keys or attributes that identify a row; ``results()`` then has a plain index.
        unpack : bool, optional
            Whether a row is the function's keywords (or positional arguments) rather than its one argument; needed
            only where both could be meant. Of another map's result: default, where the function cannot take it as one.
        postprocess : callable, optional
            Called with the list of all results, in input order, when all jobs have completed.
        num_cpus, num_gpus : int
            What one job needs.
        memory : str or int, optional
            Of one job: ``"20g"``, or bytes. Default: the node's share per CPU.
        runtime, timeout : str, float or timedelta, optional
            The time that one job is expected to take, and the limit after which it is stopped: ``"1h"``, or seconds.
            Where no ``runtime`` is given, it is what the jobs that have completed took.
        module_directory : path, optional
            Where a function given by name is found.
        blocked_by : Job, Map or id of a job, or several
            What has to complete before any of these jobs begins; of a new map.
        priority : int, default 0
            Maps of a higher one are run first, and within a map, rows that were mapped with a higher one;
            ``Map.set_priority`` changes it.
        drop : bool, default False
            Remove the jobs and results of absent rows.
        retries : int or Retry, default 0
            How often a job that failed is tried again by itself; with a wait, or after some failures only:
            ``Retry(3, wait="10s", factor=2, on=OSError)``. Mapping again changes it, and reruns nothing.
        max_failures : int, optional
            When so many of its jobs have failed, no further one begins; those that run go on to their end.
        max_memory : str or int, optional
            A job that runs out of memory is tried again with more, up to this: ``"32g"``, or bytes. Default: it fails.
        memory_factor : float, default 2
            It then asks for so many times what was not enough.
        postprocess_partial : bool, default False
            Let postprocess run, when all jobs have finished, with the results of those that completed, where it would
            be canceled as others did not. It runs again when these are rerun.

        Returns
        -------
        Map

        Raises
        ------
        CannotCapture
            The function, or something it uses, cannot travel; it is named.
        CannotStore
            A parameter cannot be kept; its index is named. Nothing of the call is left.
        InvalidRequest
            An argument makes no sense.
        """
        requirement = requirement_of(
            self.id, num_cpus=num_cpus, num_gpus=num_gpus, memory=memory, runtime=runtime, timeout=timeout
        )
        source = self._source(params)
        mapped = self._api.map_function(
            self.id,
            function,
            *([] if source is not None else params),
            source_map=None if source is None else source.id,
            name=name,
            key=key,
            unpack=unpack,
            postprocess=postprocess,
            requirement=requirement,
            module_directory=module_directory,
            priority=priority,
            drop=drop,
            retries=retries,
            max_failures=max_failures,
            max_memory=max_memory,
            memory_factor=memory_factor,
            postprocess_partial=postprocess_partial,
            **ids_of(blocked_by),
        )
        print(f"{sentence(mapped)}; captured {describe(mapped.function)}", *mapped.notes, sep="\n")
        return Map(self._api, self.id, mapped.outcome.map_id, mapped.name)

    def _source(self, params: Sequence[Any]) -> Map | None:
        """Return the map whose results are the rows, if it is one."""
        sources = [one for one in params if isinstance(one, Map)]
        if not sources:
            return None
        if len(params) > 1:
            raise InvalidRequest(
                f"The results of {sources[0].name!r} cannot be mapped over in step with others. Let its function "
                f"return all that is needed, or wait for it: wf.map(function, list(wf[{sources[0].name!r}]), …)."
            )
        if not sources[0].is_of(self._api, self.id):
            raise InvalidRequest(
                f"Map {sources[0].name!r} is another workflow's, whose results come too late for a job of {self.name}: "
                "map over list(…) of it."
            )
        return sources[0]

    def __getitem__(self, name: str) -> Map:
        """Return the map of a name."""
        return Map(self._api, self.id, self._api.get_map(self.id, name).id, name)

    # Looking.

    def status(self) -> Status:
        """Return how it stands, with what became of its allocations."""
        return self._api.status(self.id)

    @property
    def plot(self) -> WorkflowPlots:
        """Its pictures: ``wf.plot.timeline()``, ``resources()``, ``durations()`` and ``graph()``."""
        return WorkflowPlots(self._api, self.id)

    def check_files(self) -> pd.DataFrame:
        """Return the files that are gone, or changed, since completed jobs left them; empty where all are as they were.

        These are the files (and folders) of which jobs returned the ``Path``, alone or anywhere within their results,
        and those that commands produce. They are looked at from here; ``rerun`` makes them again.
        """
        from torc_nb import frames

        return frames.file_changes(self._api.check_files(self.id))

    def __repr__(self) -> str:
        from torc_nb import widgets

        return widgets.text_line(self._api.progress(self.id))

    def _ipython_display_(self) -> None:
        self.view._ipython_display_()

    @property
    def view(self) -> ProgressView:
        """Its live view, as a widget: one, however often and through whatever it is shown."""
        from torc_nb.workflow.views import view_of

        return view_of(self._api, self.id, self.name)
