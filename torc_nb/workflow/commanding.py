"""Commands, as a workflow's user declares them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from torc_nb.api import Api
from torc_nb.api.commands import AnyFile
from torc_nb.workflow.blocking import Blockers, ids_of
from torc_nb.workflow.job import Job
from torc_nb.workflow.requirement import requirement_of


class Commanding:
    """The commands of a workflow."""

    _api: Api
    id: int

    def command(
        self,
        command: str,
        *,
        name: str | None = None,
        num_cpus: int = 1,
        num_gpus: int = 0,
        memory: str | int | None = None,
        runtime: str | float | timedelta | None = None,
        timeout: str | float | timedelta | None = None,
        needs: Iterable[AnyFile] = (),
        produces: Iterable[AnyFile] = (),
        blocked_by: Blockers = (),
        priority: int = 0,
    ) -> Job:
        """Declare a job that runs a command through ``sh -c``, in this folder. Saying it twice does it once.

        It fails where it exits with anything but 0, and with all that it left in the background it ends. It finds
        ``TORC_JOB_ID``, ``TORC_JOB_NAME``, ``TORC_WORKFLOW_ID``, ``TORC_ATTEMPT``, ``TORC_NUM_CPUS``, ``TORC_MEMORY``
        (bytes), ``TORC_SCRATCH`` (a folder of its own on the node, removed at its end) and ``TORC_OUTDIR``: a folder
        for what it is to leave, made where the command names it (a script makes it, ``mkdir -p "$TORC_OUTDIR"``), that
        takes the place of what an earlier attempt left when it succeeds.

        Parameters
        ----------
        command : str
            For ``/bin/sh``.
        name : str, optional
            By which it is the same job when it is declared again; default: the command. Another command of that name
            runs at the next ``reinitialize`` where the job has begun.
        num_cpus, num_gpus : int
            What it needs.
        memory : str or int, optional
            ``"20g"``, or bytes. Default: the node's share per CPU.
        runtime, timeout : str, float or timedelta, optional
            The time that it is expected to take, and the limit after which it is stopped: ``"1h"``, or seconds.
        needs, produces : iterable of path or FileModel
            Files that have to be there before it begins, and when it has ended. It waits for the jobs that produce
            what it needs, those declared before it.
        blocked_by : Job, Map or id of a job, or several
            What it waits for.
        priority : int, default 0
            Higher ones are run first.

        Returns
        -------
        Job

        Raises
        ------
        Conflict
            Another job produces one of its files.
        InvalidRequest
            An argument makes no sense.
        NotFound
            There is no such job to wait for.
        """
        requirement = requirement_of(
            self.id, num_cpus=num_cpus, num_gpus=num_gpus, memory=memory, runtime=runtime, timeout=timeout
        )
        declared = self._api.declare_command(
            self.id,
            command,
            name=name,
            requirement=requirement,
            priority=priority,
            needs=needs,
            produces=produces,
            **ids_of(blocked_by),
        )
        if declared.is_changed:
            print(f"{declared.name}: changed (where it has begun, wf.reinitialize() runs it again)")
        return Job(self._api, self.id, declared.job_id, declared.name)
