"""What is known before all is run: how many nodes it takes, and what jobs had better ask for."""

from __future__ import annotations

from collections.abc import Collection

from torc_nb.api import canary, launching, planning, recommending
from torc_nb.models import JobStatus, SlurmSchedulerModel
from torc_nb.store import Database


class Foresight:
    """Plans, and recommendations, by what jobs ask for and by what some of them took."""

    database: Database

    def plan_nodes(self, workflow_id: int, scheduler: str | SlurmSchedulerModel | None = None) -> planning.NodePlan:
        """Return how many nodes of which kind the jobs that are left could have, and what each choice takes.

        Where there is no Slurm: what this machine takes.

        Raises
        ------
        InvalidRequest
            No job is left, or Slurm has no such nodes.
        SlurmUnavailable
            Slurm does not answer.
        """
        return planning.plan(self.database, workflow_id, self._scheduler(workflow_id, scheduler))

    def begin_canary(
        self, workflow_id: int, n: int, scheduler: str | SlurmSchedulerModel | None = None
    ) -> canary.Flown:
        """Have ``n`` jobs of each map run first, spread over its rows; starts the workflow.

        By an allocation of one node, without Slurm by a worker here, which leaves after them. Jobs that ended with the
        map's current code count, as do those that run.

        Raises
        ------
        InvalidRequest
            ``n`` is not at least 1, the workflow is paused, or no job could begin.
        LaunchError
            Slurm refused, or the worker cannot be started.
        """
        self.database.check_writable()
        return canary.begin(self.database, workflow_id, n, self._scheduler(workflow_id, scheduler))

    def canary_progress(self, flown: canary.Flown) -> dict[JobStatus, int]:
        """Return how many of the jobs that are run first stand where."""
        return canary.progress(self.database, flown)

    def check_canary(self, workflow_id: int, flown: canary.Flown) -> list[str]:
        """Return what there is to say of jobs that were run first; JobFailed where all of a map's failed."""
        return canary.check(self.database, workflow_id, flown)

    def job_usage(self, workflow_id: int, map_names: Collection[str] | None = None) -> recommending.JobUsages:
        """Return what jobs asked for against what they took, a row for each map and requirement, and a recommendation.

        Of some maps only, where they are named; NotFound where there is none of such a name.
        """
        return recommending.usages(self.database, workflow_id, self._node(workflow_id), map_names)

    def apply_recommended(
        self, workflow_id: int, map_names: Collection[str] | None = None
    ) -> tuple[list[recommending.Applied], list[str]]:
        """Let the jobs of maps ask for what is recommended: those that wait now, the others when they run again.

        What runs is left alone. ``map`` with the numbers of before keeps it, with others it takes these.

        Returns
        -------
        tuple
            What was changed, map by map, and what there is to say of what was not.

        Raises
        ------
        InvalidRequest
            There is no map, or none of such a name.
        """
        self.database.check_writable()
        return recommending.apply(self.database, workflow_id, self._node(workflow_id).room, map_names)

    def _node(self, workflow_id: int) -> planning.Shape:
        return planning.node(self._scheduler(workflow_id, None))

    def _scheduler(self, workflow_id: int, scheduler: str | SlurmSchedulerModel | None) -> SlurmSchedulerModel:
        if isinstance(scheduler, SlurmSchedulerModel):
            return scheduler
        return launching.scheduler_named(self.database, workflow_id, scheduler)
