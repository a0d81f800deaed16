"""Having the jobs of a workflow run: workers here and on Slurm, a pause, an executor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from torc_nb.api import Api
from torc_nb.errors import InvalidRequest
from torc_nb.models import SlurmSchedulerModel
from torc_nb.models.quantities import parse_duration, parse_memory
from torc_nb.workflow import measuring
from torc_nb.workflow.brought import Brought
from torc_nb.workflow.canary import check_nodes_of_canary, fly
from torc_nb.workflow.executor import Executor
from torc_nb.workflow.requirement import requirement_of

if TYPE_CHECKING:
    import pandas as pd


class Running:
    """What has workers run the jobs."""

    _api: Api
    id: int
    name: str

    def start(self) -> None:
        """Let workers run the jobs; ``run`` and ``schedule_nodes`` do it too."""
        self._api.start_workflow(self.id)

    def pause(self) -> None:
        """Let no further job begin until ``resume``; what runs goes on to its end.

        What was claimed and has not begun is given back within some seconds. Workers wait, and leave after their
        ``idle_timeout``. Whatever else is called meanwhile, ``run``, ``schedule_nodes`` or ``rerun``, leaves it paused.
        """
        print(f"{self.name}: {self._api.pause_workflow(self.id)}")

    def resume(self) -> None:
        """Let the jobs begin again after ``pause``; says so where no worker is there any more."""
        print(f"{self.name}: {self._api.resume_workflow(self.id)}")

    def run(
        self,
        *,
        num_cpus: int | None = None,
        memory: str | int | None = None,
        idle_timeout: str | float = 600.0,
        more: bool = False,
    ) -> None:
        """Have a worker on this machine, in the background; it outlives this kernel.

        Parameters
        ----------
        num_cpus : int, optional
            Default: all that this process may use.
        memory : str or int, optional
            What its jobs may use together: ``"8g"``, or bytes. Default: the machine's, or its cgroup's.
        idle_timeout : str or float, default 600
            It leaves after this long without work, in seconds or as ``"10min"``.
        more : bool, default False
            Start another one although one is there.
        """
        brought = self._api.run(
            self.id,
            num_cpus=num_cpus,
            memory=None if memory is None else parse_memory(memory),
            idle_timeout=parse_duration(idle_timeout),
            more=more,
        )
        print(brought.message)

    def schedule_nodes(
        self,
        n: int | None = None,
        *,
        scheduler: str | None = None,
        idle_timeout: str | float = 600.0,
        more: bool = False,
        until_done: bool | None = None,
        max_node_hours: float | None = None,
        canary: int | None = None,
        **options: Any,
    ) -> None:
        """Have ``n`` Slurm allocations of one node each; submits what is missing and returns at once.

        Parameters
        ----------
        n : int, optional
            How many in all, not how many more (``more=True``). By default as many as :meth:`plan_nodes` finds best, and
            one where no run time is known.
        scheduler : str, optional
            The name of one of the workflow's, or of a profile in ``~/.config/torc_nb/config.toml``.
        idle_timeout : str or float, default 600
            A worker leaves after this long without work.
        until_done : bool, optional
            Have ``n`` pending or running while work remains: this kernel, any command, the panel and the workers
            themselves submit what is missing. A later call without it changes ``n``; ``until_done=False`` ends it.
        max_node_hours : float, optional
            With ``until_done``: submit nothing beyond. An allocation counts with its whole walltime until it ends.
        canary : int, optional
            Instead of ``n``: have so many jobs of each map run first, wait for them, and plan by what they took; see
            :meth:`plan_nodes`.
        **options
            Instead of a named scheduler, or to change it: ``account, partition, qos, mem, walltime, gres, cpus, tmp,
            setup, charge, extra``.

        Raises
        ------
        JobFailed
            All jobs of a map that were run first failed; no node is asked for then.
        LaunchError
            Slurm refused; with its own message and the likely cure.
        """
        chosen = self._with_options(scheduler, options) if options else scheduler
        if canary is not None:
            check_nodes_of_canary(n)
            for said in fly(self._api, self.id, canary, chosen):
                print(said)
        brought = self._api.schedule_nodes(
            self.id,
            n,
            scheduler=chosen,
            idle_timeout=parse_duration(idle_timeout),
            more=more,
            until_done=until_done,
            max_node_hours=max_node_hours,
        )
        print(brought.message)

    def plan_nodes(
        self, *, canary: int | None = None, scheduler: str | None = None, **options: Any
    ) -> pd.DataFrame:
        """Return how many Slurm nodes the jobs that are left could have, and what each choice takes.

        Nothing is submitted, but for a canary. A job's run time is the ``runtime`` it was mapped with, else what 95 %
        of its map's jobs took, once ten have completed; before, the longest of them and a quarter more. Without Slurm
        it is this machine that is planned with.

        Parameters
        ----------
        canary : int, optional
            Have so many jobs of each map run first, spread over its rows, and wait for them: by one allocation,
            without Slurm by a worker here, which leaves after them. Their results are kept. Jobs that ended before
            count, so that the cell may be run again. Ctrl-C ends the waiting, not the jobs.
        scheduler, **options : optional
            As in :meth:`schedule_nodes`; ``charge`` is what the site charges for an hour of one node.

        Returns
        -------
        DataFrame
            A row for each choice: ``partition``, ``cpus``, ``memory`` (bytes) and ``walltime`` (seconds) of a node, the
            jobs at a time on it, nodes, rounds, allocations of each node one after another, ``seconds`` until all is
            done, node-hours and their charge. ``best`` is the one that ``schedule_nodes()`` takes.

        Raises
        ------
        InvalidRequest
            No job is left, or Slurm has no such nodes.
        JobFailed
            All jobs of a map that were run first failed.
        LaunchError
            Slurm does not answer, or refused the allocation of the canary.
        """
        from torc_nb import frames

        chosen = self._with_options(scheduler, options) if options else scheduler
        said = [] if canary is None else fly(self._api, self.id, canary, chosen)
        found = self._api.plan_nodes(self.id, chosen)
        for note in [*said, *found.notes]:
            print(note)
        return frames.plan(found.choices, found.best)

    def excluded_nodes(self) -> pd.DataFrame:
        """Return the nodes that no later allocation is given: node, reason, when, and the worker that found it broken.

        A worker whose first jobs all failed while other nodes completed theirs leaves, and its node is excluded.
        """
        from torc_nb import frames
        from torc_nb.models import ExcludedNodeModel

        return frames.records(ExcludedNodeModel, self._api.list_excluded_nodes(self.id), ["workflow_id"], "node")

    def exclude_node(self, node: str, reason: str = "") -> None:
        """Let no later allocation of this workflow be given a node of Slurm's; what runs there goes on."""
        is_new = self._api.exclude_node(self.id, node, reason)
        print(f"{node} is excluded" if is_new else f"{node} is excluded already")

    def allow_node(self, node: str) -> None:
        """Let allocations be given a node again that was excluded.

        Raises
        ------
        NotFound
            It is not excluded; the message lists those that are.
        """
        self._api.allow_node(self.id, node)
        print(f"{node} may be used again")

    def check(
        self, *, scheduler: str | None = None, job: bool = True, wait: str | float = 300.0, **options: Any
    ) -> pd.DataFrame:
        """Find out whether the jobs could run, before anything waits in a long queue.

        Here at once: the database, the folder, its space and your quota, account, partition, walltime, and what sbatch
        would say. Then by a job of a minute on a node: the database and the folder from there, Python, the versions of
        packages, the modules that the functions import, and GPUs where they are asked for. Without Slurm that is a
        process on this machine. Nothing is left behind.

        Parameters
        ----------
        scheduler, **options : optional
            As in :meth:`schedule_nodes`.
        job : bool, default True
            Whether to have that job.
        wait : str or float, default 300
            How long it may wait in the queue; then Slurm's reason is shown, and it is canceled.

        Returns
        -------
        DataFrame
            A row for each thing: ``ok`` (``pd.NA`` where it could not be looked at, or does not matter here), what was
            ``seen``, and ``advice``: what to do or to type where it is not.
        """
        from torc_nb import frames

        chosen = self._with_options(scheduler, options) if options else scheduler
        return frames.checks(self._api.check(self.id, chosen, job=job, wait=parse_duration(wait)))

    def usage(self, maps: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Return what jobs asked for against what they took, with a recommendation.

        Parameters
        ----------
        maps : str or sequence of str, optional
            Of these maps only.

        Returns
        -------
        DataFrame
            A row for each map and resource requirement: how many jobs ask for it and how many were measured, those
            that ended with the map's current code; ``…_asked``, and of the measured ones the median, what 95 % keep
            to, and the most: CPUs kept busy, peak memory in bytes, seconds; how many a walltime has cut and how many
            took too much memory; ``…_recommended``, ``pd.NA`` before five jobs have completed; and how many run at a
            time on a node, now and as is recommended.
        """
        return measuring.usage(self._api, self.id, maps)

    def apply_recommended(self, maps: str | Sequence[str] | None = None) -> None:
        """Let jobs ask for what :meth:`usage` recommends: those that wait now, the others when they run again.

        What runs is left alone. The cell that maps may be run again: it keeps what was applied as long as its numbers
        are those of before, and says so; other numbers take it back.

        Parameters
        ----------
        maps : str or sequence of str, optional
            Of these maps only.
        """
        measuring.apply_recommended(self._api, self.id, maps)

    def executor(
        self,
        *,
        local: int | None = None,
        nodes: int | None = None,
        scheduler: str | None = None,
        num_cpus: int = 1,
        num_gpus: int = 0,
        memory: str | int | None = None,
        runtime: str | float | timedelta | None = None,
        timeout: str | float | timedelta | None = None,
        idle_timeout: str | float = 600.0,
    ) -> Executor:
        """Return a ``concurrent.futures.Executor`` whose calls are jobs of this workflow.

        ::

            with wf.executor(local=2) as ex:
                total = sum(ex.map(simulate, meshes, speeds))

        Parameters
        ----------
        local : int, optional
            Have a worker on this machine with so many CPUs, unless one runs here; it ends with the executor.
        nodes : int, optional
            Have so many Slurm allocations, as ``schedule_nodes`` does; those that are submitted for it end with it.
            Without either, workers are those that ``run`` and ``schedule_nodes`` bring; calls that none can ever run
            raise ``LaunchError`` instead of waiting for ever.
        scheduler : str, optional
            Of the allocations.
        num_cpus, num_gpus, memory, runtime, timeout : optional
            What each call needs, as in ``map``.
        idle_timeout : str or float, default 600
            The brought workers leave after this long without calls; the next call brings them again.

        Raises
        ------
        InvalidRequest
            Both ``local`` and ``nodes`` are given, or an argument makes no sense.
        LaunchError
            No worker can be started.
        """
        if local is not None and nodes is not None:
            raise InvalidRequest("executor takes local=…, workers here, or nodes=…, workers on Slurm; not both.")
        requirement = requirement_of(
            self.id, num_cpus=num_cpus, num_gpus=num_gpus, memory=memory, runtime=runtime, timeout=timeout
        )
        idle = parse_duration(idle_timeout)
        bring = None
        if local is not None:
            bring = partial(self._api.run, self.id, num_cpus=local, idle_timeout=idle)
        elif nodes is not None:
            bring = partial(
                self._api.schedule_nodes, self.id, nodes, scheduler=scheduler, idle_timeout=idle, linger=idle
            )
        brought = Brought(self._api, self.id, bring)
        if self._api.get_workflow(self.id).state != "paused":  # then the calls wait for wf.resume()
            self._api.start_workflow(self.id)
        if said := brought.bring():
            print(said)
        return Executor(self._api, self.id, requirement, brought)

    def _with_options(self, scheduler: str | None, options: dict[str, Any]) -> SlurmSchedulerModel:
        allowed = sorted(set(SlurmSchedulerModel.model_fields) - {"id", "workflow_id", "name", "nodes"})
        unknown = sorted(set(options) - set(allowed))
        if unknown:
            raise InvalidRequest(
                f"schedule_nodes has no option {', '.join(unknown)}; it has {', '.join(allowed)}. "
                "Further options of sbatch: extra={'constraint': 'ib'}."
            )
        from torc_nb.api import launching

        base = launching.scheduler_named(self._api.database, self.id, scheduler)
        return SlurmSchedulerModel(**{**base.model_dump(exclude={"id"}), "workflow_id": self.id, **options})
