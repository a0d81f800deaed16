"""``Api``: what every face calls. It adds nothing of its own: each method is one call of the layers below."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from operator import index  # a DataFrame's labels are numpy's, of which a driver would make blobs
from pathlib import Path
from typing import Any

from torc_nb.api import (
    archives,
    campaigns,
    failures,
    following,
    inspection,
    labels,
    launching,
    outcomes,
    pausing,
    places,
    prospects,
    reproducing,
    stops,
    telling,
)
from torc_nb.api.changing import Changing
from torc_nb.api.cleaning import Cleaning
from torc_nb.api.commands import Commands
from torc_nb.api.files import Files
from torc_nb.api.foresight import Foresight
from torc_nb.api.history import History
from torc_nb.api.lacking import Why
from torc_nb.api.maps import Maps
from torc_nb.api.moving import Moving
from torc_nb.api.nodes import Nodes
from torc_nb.api.notifying import Notifying
from torc_nb.api.plain_jobs import PlainJobs
from torc_nb.api.resources import Resources
from torc_nb.api.submitting import Submitting
from torc_nb.api.summary import Summary, summary
from torc_nb.api.user_data import UserData
from torc_nb.api.why import why
from torc_nb.functions import Function
from torc_nb.models import EventModel, JobStatus, WorkflowModel
from torc_nb.store import (
    Database,
    events,
    extract,
    functions,
    jobs,
    loads,
    results,
    workflows,
)
from torc_nb.store.failures import Failure

#: How often a view that asks every second has it found out what became of allocations, in seconds.
LOOK_AFTER = 5.0


class Api(
    Cleaning,
    Commands,
    Foresight,
    History,
    Maps,
    Moving,
    Nodes,
    Notifying,
    PlainJobs,
    Resources,
    Submitting,
    UserData,
    Files,
    Changing,
):
    """All that can be done with the workflows of one database.

    Parameters
    ----------
    has_code : bool, default True
        Whether this process may have the functions that were mapped. Where it cannot, as in a server, none is looked
        for and no module imported: what was mapped last counts.
    """

    def __init__(self, database: Database, *, has_code: bool = True) -> None:
        self.database = database
        self.has_code = has_code
        self._looked_after: dict[int, float] = {}

    def __repr__(self) -> str:
        return f"Api({self.database!r})"

    # Workflows.

    def create_workflow(self, workflow: WorkflowModel) -> WorkflowModel:
        """Make a workflow; names may repeat."""
        return workflows.create(self.database, workflow)

    def open_workflow(self, workflow: WorkflowModel) -> tuple[WorkflowModel, bool]:
        """Return the newest workflow of this name and user, or make it; and whether it was made.

        Two that open a new name at once get the same.
        """
        return workflows.opened(self.database, workflow)

    def get_workflow(self, workflow_id: int) -> WorkflowModel:
        """Return a workflow; NotFound where there is none."""
        return workflows.get(self.database, workflow_id)

    def list_workflows(self, name: str | None = None, user: str | None = None) -> list[WorkflowModel]:
        """Return the workflows, oldest first."""
        return workflows.listed(self.database, name, user)

    def delete_workflow(self, workflow_id: int) -> WorkflowModel:
        """Delete a workflow: its allocations are cancelled, its jobs and results removed; its folder stays."""
        self.cancel_allocations(workflow_id)
        return workflows.remove(self.database, workflow_id)

    def start_workflow(self, workflow_id: int) -> bool:
        """Let workers run a workflow's jobs, also where it was paused; False where it was started already."""
        return workflows.set_state(self.database, workflow_id, "started")

    def pause_workflow(self, workflow_id: int) -> str:
        """Let no further job begin until ``resume_workflow``; what runs goes on. Returns what was done, in words."""
        return pausing.pause(self.database, workflow_id)

    def resume_workflow(self, workflow_id: int) -> str:
        """Let the jobs of a paused workflow begin again. Returns what was done, in words."""
        return pausing.resume(self.database, workflow_id)

    def cancel_workflow(self, workflow_id: int) -> int:
        """Cancel all unfinished jobs and the allocations; returns how many jobs those are."""
        workflows.get(self.database, workflow_id)
        workflows.set_state(self.database, workflow_id, "canceled")
        canceled = jobs.cancel(self.database, workflow_id)
        self.cancel_allocations(workflow_id)
        return canceled

    def status(self, workflow_id: int) -> inspection.Status:
        """Return how a workflow stands, with what became of its allocations."""
        self._look_after(workflow_id)
        return inspection.status(self.database, workflow_id)

    def progress(self, workflow_id: int) -> inspection.Status:
        """Return how a workflow stands from the database alone: cheap, for views that ask often."""
        return inspection.status(self.database, workflow_id)

    def watch(self, workflow_id: int) -> inspection.Status:
        """Return how a workflow stands with what went wrong and what each worker does: for a view that asks often.

        What became of allocations is found out every few seconds only.
        """
        now = time.monotonic()
        if now - self._looked_after.get(workflow_id, -LOOK_AFTER) >= LOOK_AFTER:
            self._looked_after[workflow_id] = now
            self._look_after(workflow_id)
        return inspection.details(self.database, self.progress(workflow_id))

    def _look_after(self, workflow_id: int) -> None:
        """Find out what became of allocations, submit those that are missing, and have told what nobody told."""
        launching.refresh(self.database, workflow_id)
        campaigns.top_up(self.database, workflow_id)
        telling.look(self.database, workflow_id)

    def summary(self, workflow_id: int) -> Summary:
        """Return what a workflow came to: jobs, versions of code, node-hours used and wasted, packages."""
        return summary(self.database, workflow_id)

    def get_function(self, function_id: int) -> Function:
        """Return a version of a function as it is stored; NotFound where there is none."""
        return functions.get(self.database, function_id)

    def extract(self, workflow_id: int, path: Path) -> None:
        """Copy a workflow, as it stands at one moment, into an SQLite file of its own, which is to be looked at."""
        workflows.get(self.database, workflow_id)
        extract.extract(self.database, workflow_id, path)

    def ended(self, workflow_id: int, width: float, stretches: int) -> list[int]:
        """Count the attempts that ended in each of the last stretches of ``width`` seconds, the newest first."""
        return loads.ended(self.database, workflow_id, width, stretches)

    def numbers(self, workflow_id: int) -> dict[JobStatus, int]:
        """Return how many jobs of a workflow have which status: cheaper than ``progress``."""
        return workflows.statuses(self.database, workflow_id)

    def map_numbers(self, workflow_id: int, map_id: int) -> dict[JobStatus, int]:
        """Return how many jobs of a map, its postprocess included, have which status."""
        return workflows.of_map(self.database, workflow_id, map_id)

    def cancel_idle(self, workflow_id: int) -> None:
        """Cancel the allocations that wait in Slurm's queue although all jobs have finished."""
        launching.cancel_idle(self.database, workflow_id)

    def check_progress(self, workflow_id: int, map_id: int | None = None) -> None:
        """Make sure that the jobs that wait, or those of a map, can begin some time: that it makes sense to wait.

        Raises
        ------
        MapStopped
            Too many of them have failed, so that no further one begins.
        LaunchError
            No worker runs or is coming, or none of those there are fits; the message says what to do.
        """
        if self.database.is_copy:
            self.database.check_writable()  # the jobs that waited will not run in it
        status = self.status(workflow_id)
        stops.check(self.database, status, map_id)
        campaign = campaigns.wished(self.database, workflow_id)
        if campaign is None or campaign.state != "on":
            prospects.check(self.database, status)

    # Jobs and what they left.

    def list_jobs(
        self,
        workflow_id: int,
        *,
        map_id: int | None = None,
        statuses: Sequence[JobStatus] | None = None,
        job_ids: Sequence[int] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Any]:
        """Return jobs in the order of their ids."""
        return jobs.listed(
            self.database,
            workflow_id,
            map_id=map_id,
            statuses=statuses,
            job_ids=job_ids,
            limit=limit,
            offset=offset,
        )

    def job_labels(self, workflow_id: int, listed: Sequence[Any]) -> labels.JobLabels:
        """Return what is said of listed jobs besides their own columns: what they run, where, what went wrong."""
        return labels.JobLabels(self.database, workflow_id, listed)

    def get_job(self, job_id: int) -> Any:
        """Return a job; NotFound where there is none."""
        return jobs.get(self.database, job_id)

    def value(self, workflow_id: int, job_id: int) -> Any:
        """Return what a job returned, as the object that it was.

        Raises
        ------
        JobFailed
            It failed or will not run; with the traceback, or the reason.
        NotFound
            It has not completed yet.
        """
        return outcomes.value(self.database, workflows.get(self.database, workflow_id), index(job_id))

    def values(self, map_id: int, job_ids: Sequence[int]) -> dict[int, Any]:
        """Return what those of a map's jobs returned that have completed."""
        return outcomes.values(self.database, job_ids, self.map_decoder(map_id))

    def list_results(self, workflow_id: int, job_id: int | None = None) -> list[Any]:
        """Return all attempts, or those of one job, oldest first, without their values."""
        return results.attempts(self.database, workflow_id, None if job_id is None else index(job_id))

    def failures(self, workflow_id: int, map_id: int | None = None) -> list[Failure]:
        """Return the failed jobs grouped by exception and place, the largest first, with what they share."""
        return failures.grouped(self.database, workflow_id, map_id)

    def why(self, workflow_id: int, job_id: int | None = None) -> Why:
        """Return what a job waits for, or the workflow, in a sentence, and what to do next; NotFound: no such job."""
        return why(self.database, workflow_id, None if job_id is None else index(job_id))

    def logs(self, workflow_id: int, job_id: int) -> inspection.Output:
        """Return what the newest attempt of a job printed, and its traceback.

        Raises
        ------
        NotFound
            No such job in this workflow, or it has not run, or its log is gone.
        """
        return inspection.output(self.database, workflows.get(self.database, workflow_id), index(job_id))

    def reproduce(self, workflow_id: int, job_id: int) -> reproducing.Reproduction:
        """Return the call of a job, with the code and the parameters of its newest attempt, to be made here.

        Raises
        ------
        InvalidRequest
            No such job in this workflow, or it runs a command.
        NotTrusted
            Another user may have written its code.
        CannotLoad
            Its code, or a value, cannot be loaded in this process.
        """
        return reproducing.reproduced(self.database, workflows.get(self.database, workflow_id), index(job_id))

    def follow(self, workflow_id: int, job_id: int) -> Iterator[str]:
        """Yield what a job prints as it comes, and its traceback where it fails, until it has ended.

        Raises
        ------
        NotFound
            No such job in this workflow.
        """
        return following.followed(self.database, workflows.get(self.database, workflow_id), index(job_id))

    def list_events(self, workflow_id: int, limit: int | None = 1000, **filters: Any) -> list[EventModel]:
        """Return the newest events, oldest first; filters are ``kinds``, ``job_id``, ``since`` and ``offset``."""
        return events.listed(self.database, workflow_id, limit, **filters)


def make_api(url: str | os.PathLike[str] | None = None, *, trust: bool = False, create: bool = True) -> Api:
    """Open a database: the one given, else ``TORC_NB_DATABASE_URL``, else the nearest ``.torc/``, else a new one here.

    Parameters
    ----------
    url : str or path, optional
        A ``postgresql://`` URL, or the path of an SQLite file, or of what ``Workflow.export`` wrote: that may be looked
        at, and is not changed.
    trust : bool, default False
        Use it although other users may have written it: unpickle and run what they put there.
    create : bool, default True
        Whether an SQLite file that is not there is made.

    Raises
    ------
    NotPrivate
        Others may write the SQLite file, or what is in its folder.
    DatabaseError
        It cannot be opened, or was written by a newer version.
    """
    chosen = places.find_database(url)
    if archives.is_archive(chosen):
        return Api(archives.opened(chosen), has_code=False)
    database = Database.open(chosen, trust=trust, create=create)
    if database.is_copy:
        return Api(database, has_code=False)
    places.remember(database)
    return Api(database)
