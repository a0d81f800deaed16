"""Commands: checked, put in their place among the other jobs, and declared once however often that is said."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torc_nb.api import resources, surroundings
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.models import FileModel, JobModel, ResourceRequirementsModel
from torc_nb.store import Database, awaited, commands, environments, jobs, maps, requirements, workflows
from torc_nb.worker.folders import outdir_of

#: The longest command that a shell is given in one piece, in bytes: the kernel's limit for one argument.
_LONGEST = 131_071

#: A path, or the record of a file.
AnyFile = str | os.PathLike[str] | FileModel


class Declared(NamedTuple):
    """What became of a command that was declared: its job, and whether that is new or is given something else."""

    job_id: int
    name: str
    is_new: bool
    is_changed: bool


class Commands:
    """Jobs of workflows that run a command."""

    database: Database

    def declare_command(
        self,
        workflow_id: int,
        command: str,
        *,
        name: str | None = None,
        requirement: ResourceRequirementsModel | None = None,
        priority: int = 0,
        needs: Iterable[AnyFile] = (),
        produces: Iterable[AnyFile] = (),
        blocked_by_jobs: Iterable[int] = (),
        blocked_by_maps: Iterable[int] = (),
    ) -> Declared:
        """Declare a command; see ``Workflow.command``. One of the same name is the same job.

        Raises
        ------
        Conflict
            Another job produces one of its files.
        InvalidRequest
            No shell takes it.
        NotFound
            There is no such job or map to wait for.
        """
        workflows.get(self.database, workflow_id)
        name = name or command.strip()
        check(command, f"The job {name!r}")
        asked = requirement or ResourceRequirementsModel(workflow_id=workflow_id)
        waits_for = awaited.split(self.database, workflow_id, blocked_by_jobs)
        one = commands.Command(
            name=name,
            command=command,
            requirement_id=requirements.keep(self.database, asked).id or 0,
            environment_id=_environment(self.database, workflow_id),
            priority=priority,
            needs=_paths(needs),
            produces=_paths(produces),
            blocked_by_jobs=waits_for.jobs,
            blocked_by_maps=(*waits_for.maps, *_checked_maps(self.database, workflow_id, blocked_by_maps)),
        )
        known = commands.find(self.database, workflow_id, name)
        if known is not None:
            changed = commands.declare_again(self.database, workflow_id, known.id, one)
            return Declared(known.id, name, is_new=False, is_changed=changed)
        (job_id,) = commands.reserve(self.database, 1)
        commands.create(self.database, workflow_id, [(job_id, one)])
        return Declared(job_id, name, is_new=True, is_changed=False)

    def outdir(self, job_id: int) -> Path:
        """Return the folder of what a job left when it last succeeded: see ``current_job().outdir``, ``TORC_OUTDIR``.

        It is there when the job has succeeded, and asked for it.
        """
        job = jobs.get(self.database, job_id)
        return outdir_of(Path(workflows.get(self.database, job.workflow_id).files), job.id)


def check(command: str, what: str) -> None:
    """Refuse what no shell takes."""
    if not command.strip():
        raise InvalidRequest(f"{what} has an empty command.")
    if "\0" in command:
        raise InvalidRequest(f"{what} has a NUL character in its command, which no program can be given.")
    try:
        n = len(command.encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{what} has half a character in its command: {error}.") from error
    if n > _LONGEST:
        raise InvalidRequest(
            f"{what} has a command of {n:,} bytes; the kernel takes {_LONGEST:,}. Write it to a file, and run that."
        )


def create(database: Database, new: Sequence[tuple[JobModel, Sequence[int | str]]]) -> list[JobModel]:
    """Make jobs that run a command, thousands at a time, in one transaction for each workflow.

    Parameters
    ----------
    new
        Each with what it waits for: ids of jobs there are, or names of earlier ones of these.
    """
    made: list[JobModel] = []
    ids = commands.reserve(database, len(new))
    own = {job.name: job_id for (job, _), job_id in zip(new, ids, strict=True)}
    by_workflow: dict[int, list[tuple[int, commands.Command]]] = {}
    facts = _Facts(database)
    for (job, blocked_by), job_id in zip(new, ids, strict=True):
        known = facts.of(job)
        waits_for = awaited.Awaited()
        if outside := [one for one in blocked_by if isinstance(one, int)]:
            waits_for = awaited.split(database, job.workflow_id, outside)
        inside = [own[one] for one in blocked_by if isinstance(one, str)]
        one = commands.Command(
            name=job.name,
            command=job.command or "",
            requirement_id=known["resource_requirements_id"],
            environment_id=facts.environments[job.workflow_id],
            priority=job.priority,
            blocked_by_jobs=(*waits_for.jobs, *inside),
            blocked_by_maps=waits_for.maps,
        )
        by_workflow.setdefault(job.workflow_id, []).append((job_id, one))
        made.append(job.model_copy(update={"id": job_id, "row": 0, **known}))
    for workflow_id, of_workflow in by_workflow.items():
        commands.create(database, workflow_id, of_workflow)
    standing = commands.statuses(database, ids)
    return [one.model_copy(update={"status": standing[one.id or 0]}) for one in made]


class _Facts:
    """What the commands of a workflow have in common, looked up once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[int, int | None, int | None], dict[str, Any]] = {}
        self.environments: dict[int, int] = {}

    def of(self, job: JobModel) -> dict[str, Any]:
        key = (job.workflow_id, job.resource_requirements_id, job.scheduler_id)
        if key not in self._known:
            workflow = workflows.get(self._database, job.workflow_id)
            resources.checked_scheduler(self._database, job.workflow_id, job.scheduler_id)
            asked = resources.asked(self._database, job.workflow_id, job.resource_requirements_id)
            if asked is None:
                asked = requirements.keep(self._database, ResourceRequirementsModel(workflow_id=job.workflow_id))
            if job.workflow_id not in self.environments:
                self.environments[job.workflow_id] = _environment(self._database, job.workflow_id)
            self._known[key] = {"resource_requirements_id": asked.id or 0, "run_id": workflow.run_id}
        return self._known[key]


def _environment(database: Database, workflow_id: int) -> int:
    return environments.keep(database, workflow_id, surroundings.current())


def _paths(files: Iterable[AnyFile]) -> tuple[str, ...]:
    if isinstance(files, str | os.PathLike | FileModel):
        raise InvalidRequest(f"Files are given as a list: [{str(getattr(files, 'path', files))!r}].")
    given = [one.path if isinstance(one, FileModel) else os.fspath(one) for one in files]
    return tuple(str(Path(path).expanduser().absolute()) for path in given)


def _checked_maps(database: Database, workflow_id: int, map_ids: Iterable[int]) -> list[int]:
    known = {map_.id for map_ in maps.listed(database, workflow_id)}
    wanted = sorted(set(map_ids))
    for map_id in wanted:
        if map_id not in known:
            raise NotFound(f"Workflow {workflow_id} has no map {map_id} to wait for.")
    return wanted
