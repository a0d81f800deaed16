"""Pictures of a workflow and of a map, as a user asks for them: ``wf.plot.timeline()``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from torc_nb.api import Api
from torc_nb.errors import InvalidRequest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from torc_nb.workflow.map import Map

#: A Map or its name, or several.
Maps: TypeAlias = "Iterable[Map | str] | Map | str"


class MapPlots:
    """Pictures of one map; each is a matplotlib ``Figure`` of what the database says now, also while jobs run."""

    def __init__(self, api: Api, workflow_id: int, map_id: int) -> None:
        self._api = api
        self._workflow_id = workflow_id
        self._map_id = map_id

    def timeline(self, *, run_id: int | None = None, ax: Axes | None = None) -> Figure:
        """Draw when its jobs ran, and on which workers; see :meth:`WorkflowPlots.timeline`."""
        from torc_nb import plots

        return plots.timeline(self._api.timeline(self._workflow_id, map_ids=[self._map_id], run_id=run_id), ax)

    def resources(self, *, run_id: int | None = None, ax: Sequence[Axes] | None = None) -> Figure:
        """Draw what its jobs asked for and what they took; see :meth:`WorkflowPlots.resources`."""
        from torc_nb import plots

        return plots.resources(self._api.usage(self._workflow_id, map_ids=[self._map_id], run_id=run_id), ax)

    def durations(self, *, run_id: int | None = None, ax: Axes | None = None) -> Figure:
        """Draw how long its jobs took; see :meth:`WorkflowPlots.durations`."""
        from torc_nb import plots

        return plots.durations(self._api.usage(self._workflow_id, map_ids=[self._map_id], run_id=run_id), ax)


class WorkflowPlots:
    """Pictures of a workflow; each is a matplotlib ``Figure`` of what the database says now, also while jobs run."""

    def __init__(self, api: Api, workflow_id: int) -> None:
        self._api = api
        self._workflow_id = workflow_id

    def timeline(self, *, maps: Maps | None = None, run_id: int | None = None, ax: Axes | None = None) -> Figure:
        """Draw when jobs ran, and on which workers: a row a worker, with gaps where it had nothing to do.

        Each attempt is a bar in the colour of how it ended. Of more than 3,000 the rows show how many ran at a time.
        What runs now is a number at the right end: when it began is recorded when it ends.

        Parameters
        ----------
        maps : Map, name, or several, optional
            The jobs of these alone; ``""``: those of no map.
        run_id : int, optional
            The attempts of one run alone.
        ax : Axes, optional
            To draw into; default: a new figure.

        Returns
        -------
        Figure
            The new one, or that of ``ax``.

        Raises
        ------
        MissingPackage
            matplotlib is not installed.
        NotFound
            There is no such map.
        """
        from torc_nb import plots

        return plots.timeline(self._api.timeline(self._workflow_id, map_ids=self._ids(maps), run_id=run_id), ax)

    def resources(
        self, *, maps: Maps | None = None, run_id: int | None = None, ax: Sequence[Axes] | None = None
    ) -> Figure:
        """Draw memory, CPUs and run time beside what was asked for: a row a map and resource requirement.

        A bar reaches from the 5th to the 95th percentile of the jobs' newest results, a dot stands at the most, and a
        black line at what was asked for. Run times are of those that completed or were stopped.

        Parameters
        ----------
        maps : Map, name, or several, optional
            These alone; ``""``: the jobs of no map. Default: all, or the 20 with the most jobs.
        run_id : int, optional
            The results of one run alone.
        ax : sequence of three Axes, optional
            To draw into; default: a new figure.

        Returns
        -------
        Figure
            The new one, or that of ``ax``.

        Raises
        ------
        MissingPackage
            matplotlib is not installed.
        NotFound
            There is no such map.
        """
        from torc_nb import plots

        return plots.resources(self._api.usage(self._workflow_id, map_ids=self._ids(maps), run_id=run_id), ax)

    def durations(self, *, maps: Maps | None = None, run_id: int | None = None, ax: Axes | None = None) -> Figure:
        """Draw how the run times of each map are distributed, with the median and what 95 % of its jobs stay below.

        The times are those of the jobs' newest results, in the colour of how they ended; the two marks are of those
        that completed, where any have. Beside the name stands how many run now.

        Parameters
        ----------
        maps : Map, name, or several, optional
            These alone; ``""``: the jobs of no map. Default: all, or the 20 with the most jobs.
        run_id : int, optional
            The results of one run alone.
        ax : Axes, optional
            To draw into; default: a new figure.

        Returns
        -------
        Figure
            The new one, or that of ``ax``.

        Raises
        ------
        MissingPackage
            matplotlib is not installed.
        NotFound
            There is no such map.
        """
        from torc_nb import plots

        return plots.durations(self._api.usage(self._workflow_id, map_ids=self._ids(maps), run_id=run_id), ax)

    def graph(self, *, ax: Axes | None = None) -> Figure:
        """Draw what the workflow is made of, from left to right, with how many jobs of each part stand where.

        Nodes are maps, their postprocess jobs, and other jobs. A solid arrow leads to what is given results, a
        dashed one to what waits. Where there are more than 30, those alike are drawn as one.

        Parameters
        ----------
        ax : Axes, optional
            To draw into; default: a new figure.

        Returns
        -------
        Figure
            The new one, or that of ``ax``.

        Raises
        ------
        MissingPackage
            matplotlib is not installed.
        """
        from torc_nb import plots

        return plots.graph(self._api.stages(self._workflow_id), ax)

    def _ids(self, maps: Maps | None) -> list[int] | None:
        if maps is None:
            return None
        from torc_nb.workflow.map import Map

        return [self._id(one) for one in ([maps] if isinstance(maps, Map | str) else maps)]

    def _id(self, one: Map | str) -> int:
        from torc_nb.workflow.map import Map

        if one == "":
            return 0
        if isinstance(one, str):
            return int(self._api.get_map(self._workflow_id, one).id)
        if not isinstance(one, Map) or not one.is_of(self._api, self._workflow_id):
            raise InvalidRequest(f"{one!r} is no map of this workflow; maps= takes its maps, or their names.")
        return one.id
