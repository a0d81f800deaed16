"""What runs a workflow's jobs: workers here, allocations of Slurm, and how many of these there are to be."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from torc_nb import slurm
from torc_nb.api import campaigns, checking, launching, pausing, planning, rooms
from torc_nb.api.check import Check
from torc_nb.api.excluding import Excluding
from torc_nb.errors import InvalidRequest
from torc_nb.models import AllocationModel, CampaignModel, SlurmSchedulerModel, WorkerModel
from torc_nb.store import Database, allocations, leases, requirements, workflows


class Nodes(Excluding):
    """The workers and allocations of workflows."""

    database: Database

    def run(
        self,
        workflow_id: int,
        *,
        num_cpus: int | None = None,
        memory: int | None = None,
        idle_timeout: float = 600.0,
        more: bool = False,
    ) -> launching.Brought:
        """Have a worker on this machine; starts the workflow.

        Raises
        ------
        InvalidRequest
            None of the waiting jobs could ever start here; the message has the numbers.
        LaunchError
            The worker cannot be started.
        """
        workflow = workflows.get(self.database, workflow_id)
        room = rooms.here(num_cpus, memory)
        rooms.check_use(self.database, workflow_id, room)
        never = rooms.misfits(requirements.in_use(self.database, workflow_id), room)
        paused = pausing.begin(self.database, workflow_id)
        brought = launching.run_here(
            self.database, workflow, num_cpus=num_cpus, memory=memory, idle_timeout=idle_timeout, more=more
        )
        return brought._replace(message="; ".join([brought.message, *never, *paused]))

    def schedule_nodes(
        self,
        workflow_id: int,
        n: int | None = None,
        *,
        scheduler: str | SlurmSchedulerModel | None = None,
        idle_timeout: float = 600.0,
        linger: float = 0.0,
        more: bool = False,
        until_done: bool | None = None,
        max_node_hours: float | None = None,
    ) -> launching.Brought:
        """Have ``n`` Slurm allocations of one node each, by default as many as is best; starts the workflow.

        What is best ``plan_nodes`` says.
        With ``until_done`` so many are pending or running while work remains, whoever is alive to submit them;
        ``max_node_hours`` limits what they take. Without it a wish of before changes its ``n``, and ``False`` ends it.

        Raises
        ------
        InvalidRequest
            ``n`` is not at least 1, or what is asked for makes no sense together.
        LaunchError
            Slurm refused; with its own message and the likely cure.
        """
        workflow = workflows.get(self.database, workflow_id)
        before = campaigns.changed(self.database, workflow_id, until_done, more=more)
        is_campaign = until_done or before is not None
        if before is not None and scheduler is None:
            scheduler = before.scheduler
        if not isinstance(scheduler, SlurmSchedulerModel):
            scheduler = launching.scheduler_named(self.database, workflow_id, scheduler)
        said: list[str] = []
        if n is None and before is not None:
            n = before.n
        elif n is None:
            n, scheduler, why = planning.chosen(self.database, workflow_id, scheduler)
            said = [why]
        paused = pausing.begin(self.database, workflow_id)
        if is_campaign:
            brought = campaigns.begin(
                self.database, workflow, n, scheduler,
                idle_timeout=idle_timeout, max_node_hours=max_node_hours, before=before,
            )  # fmt: skip
        elif max_node_hours is not None:
            raise InvalidRequest("max_node_hours goes with until_done=True only.")
        else:
            brought = launching.schedule_nodes(
                self.database, workflow, n, scheduler, idle_timeout=idle_timeout, linger=linger, more=more
            )
        return brought._replace(message="; ".join([*said, brought.message, *paused]))

    def check(
        self,
        workflow_id: int,
        scheduler: str | SlurmSchedulerModel | None = None,
        *,
        job: bool = True,
        wait: float = checking.WAIT,
    ) -> Iterator[Check]:
        """Yield what is found of whether a workflow could run: here at once, then on a node by a job of a minute.

        Parameters
        ----------
        scheduler
            As of :meth:`schedule_nodes`; that job has its account, partition, QOS, gres, setup and further options.
        job
            Whether to have that job; without Slurm it is a process on this machine.
        wait
            How long it may wait in the queue, in seconds; then it is canceled.

        Raises
        ------
        NotTrusted
            It is another user's workflow.
        """
        wants_slurm = scheduler is not None
        if not isinstance(scheduler, SlurmSchedulerModel):
            scheduler = launching.scheduler_named(self.database, workflow_id, scheduler)
        return checking.check(self.database, workflow_id, scheduler, job=job, wait=wait, wants_slurm=wants_slurm)

    @property
    def has_slurm(self) -> bool:
        """Whether Slurm's commands are on this machine."""
        return slurm.available()

    def list_workers(self, workflow_id: int, limit: int | None = None, offset: int = 0) -> list[WorkerModel]:
        """Return all workers that a workflow ever had, oldest first."""
        return leases.listed(self.database, workflow_id, limit=limit, offset=offset)

    def list_allocations(self, workflow_id: int, limit: int | None = None, offset: int = 0) -> list[AllocationModel]:
        """Return all allocations of a workflow, oldest first."""
        return allocations.listed(self.database, workflow_id, limit=limit, offset=offset)

    def dismiss(self, workflow_id: int, allocation_ids: Collection[int]) -> None:
        """End some of a workflow's allocations, unless any job of it is left to do."""
        launching.dismiss(self.database, workflow_id, allocation_ids)

    def get_campaign(self, workflow_id: int) -> CampaignModel | None:
        """Return what ``schedule_nodes(until_done=True)`` wished last, and what became of it; None: it never did."""
        return campaigns.wished(self.database, workflow_id)

    def cancel_allocations(self, workflow_id: int, chosen: Collection[int] | None = None) -> int:
        """Cancel a workflow's allocations, or some, with their workers; its jobs stay. Returns how many those were.

        All of them: with the wish for them until all is done. Instead of some that wish brings others.
        """
        if chosen is None:
            campaigns.cancel(self.database, workflow_id)
        return launching.cancel_allocations(self.database, workflow_id, chosen)
