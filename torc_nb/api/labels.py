"""What lists say of a job besides its own columns: what it runs, where, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torc_nb.models import JobStatus
from torc_nb.store import Database, functions, maps, requirements, results, schedulers, shortfall


class JobLabels:
    """The words for some jobs of a workflow, looked up once for all of them."""

    def __init__(self, database: Database, workflow_id: int, jobs: Iterable[Any]) -> None:
        self._functions = functions.called(database, workflow_id)
        self._maps = {map_.id: map_ for map_ in maps.listed(database, workflow_id)}
        self._schedulers = {one.id: one.name for one in schedulers.listed(database, workflow_id)}
        self._memory = {one.id: one.memory for one in requirements.listed(database, workflow_id)}
        self._shortfalls = {
            map_.postprocess_id: shortfall.told(database, workflow_id, map_.id)
            for map_ in self._maps.values()
            if map_.postprocess_partial
        }
        self._errors = results.errors(database, [job.id for job in jobs if job.status == JobStatus.FAILED])

    def command(self, job: Any) -> str | None:
        """Return a command job's command, else the function that is called: ``"simulation.run"``."""
        if job.command is not None:
            return str(job.command)
        map_ = self._maps.get(job.map_id)
        return self._functions.get(job.function_id or (map_.function_id if map_ is not None else 0))

    def map_name(self, job: Any) -> str | None:
        """Return the map that a job was declared with; None of a single one, although a map stands for it."""
        map_ = self._maps.get(job.map_id)
        return None if map_ is None or map_.shape.get("of_job") else str(map_.name)

    def scheduling(self, job: Any) -> str | None:
        """Return the name of the scheduler on whose nodes a job is meant to run; None: on any."""
        map_ = self._maps.get(job.map_id or job.collects)
        return None if map_ is None else self._schedulers.get(map_.scheduler_id)

    def note(self, job: Any) -> str | None:
        """Return why a job stands as it does: what it failed with, or what keeps it from running."""
        return job.note or self._errors.get(job.id) or self._shortfalls.get(job.id)

    def memory(self, job: Any) -> int | None:
        """Return the bytes of memory that a job asks for; None: its share of the node's."""
        return self._memory.get(job.requirement_id)
