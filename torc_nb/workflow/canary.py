"""Waiting for a few jobs that are run first."""

from __future__ import annotations

from collections.abc import Callable

from torc_nb import slurm
from torc_nb.api import Api
from torc_nb.errors import InvalidRequest, SlurmUnavailable
from torc_nb.models import SlurmSchedulerModel
from torc_nb.models.quantities import counted
from torc_nb.widgets import main_thread
from torc_nb.widgets.progress import Bar
from torc_nb.workflow.waiting import looks


def fly(
    api: Api,
    workflow_id: int,
    n: int,
    scheduler: str | SlurmSchedulerModel | None = None,
    *,
    say: Callable[[str], object] = print,
    progress: bool = True,
) -> list[str]:
    """Have ``n`` jobs of each map run first and wait for them; returns what there is to say of them.

    Ctrl-C ends the waiting, not the jobs.

    Raises
    ------
    JobFailed
        All of a map failed.
    LaunchError
        No worker runs them, or is coming.
    """
    flown = api.begin_canary(workflow_id, n, scheduler)
    say(flown.message)
    if flown.awaited:
        try:
            with Bar("canary", enabled=progress) as bar:
                for _ in looks(api, workflow_id):
                    numbers = api.canary_progress(flown)
                    bar.update(numbers)
                    main_thread.do_wanted()
                    if all(status.is_finished for status in numbers):
                        break
        except KeyboardInterrupt:
            say(f"The {counted(len(flown.awaited), 'job')} go on; wf.plan_nodes() plans by those that have completed.")
            raise
    return api.check_canary(workflow_id, flown)


def check_nodes_of_canary(n: int | None) -> None:
    """Make sure that it is the plan which says how many nodes are had, and that there may be some.

    Raises
    ------
    InvalidRequest
        A number is given too.
    SlurmUnavailable
        There is no Slurm here.
    """
    if n is not None:
        raise InvalidRequest("Give a number of nodes, or canary=K, whose plan says how many: not both.")
    if not slurm.available():
        raise SlurmUnavailable("There is no sbatch on this machine: go to a login node of the cluster.")
