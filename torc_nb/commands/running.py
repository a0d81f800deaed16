"""``run`` and ``rerun``: a worker here, and finished jobs once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import DURATION, MEMORY, STATUS, Verb
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.models import JobStatus


@click.command("run", cls=Verb)
@click.option("--cpus", type=click.IntRange(min=1), help="CPUs that its jobs may use together; default: all.")
@click.option("--memory", type=MEMORY, help="Memory that its jobs may use together: 8g; default: all.")
@click.option("--idle-timeout", type=DURATION, default="10min", show_default=True, help="It leaves after so long idle.")
@click.option("--more", is_flag=True, help="Start another one although one is there.")
@click.pass_obj
def run(session: Session, cpus: int | None, memory: int | None, idle_timeout: float, more: bool) -> Said:
    """Have a worker on this machine, in the background.

    It outlives the kernel and the terminal. Said twice, it does it once.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    brought = session.api.run(workflow.id, num_cpus=cpus, memory=memory, idle_timeout=idle_timeout, more=more)
    return session.said(brought.message, workflow, started=brought.started, alive=brought.alive)


@click.command("rerun", cls=Verb)
@click.argument("chosen", metavar="[JOB]...", type=int, nargs=-1, shell_complete=completing.jobs)
@click.option(
    "--status",
    "statuses",
    type=STATUS,
    multiple=True,
    help="Of this status; may be repeated. Default: failed, and whatever status where jobs are given.",
)
@click.option("--group", metavar="GROUP", help="Those that failed as this group of `failures list`.")
@click.option("--cpus", type=click.IntRange(min=1), help="That one job is to have, otherwise than its map says.")
@click.option("--gpus", type=click.IntRange(min=0), help="The same of GPUs.")
@click.option("--memory", type=MEMORY, help="The same of memory: 40g.")
@click.option("--runtime", type=DURATION, help="The same of the expected runtime: 2h.")
@click.option("--timeout", type=DURATION, help="The same of the limit after which one job is stopped.")
@click.pass_obj
def rerun(
    session: Session,
    chosen: tuple[int, ...],
    statuses: tuple[JobStatus, ...],
    group: str | None,
    cpus: int | None,
    gpus: int | None,
    memory: int | None,
    runtime: float | None,
    timeout: float | None,
) -> Said:
    """Make finished jobs ready again.

    What collects their results runs again too; what else completed stays.
    """
    from torc_nb.models import FINISHED, JobStatus

    workflow = session.workflow()
    assert workflow.id is not None
    wanted = statuses or (sorted(FINISHED) if chosen or group else [JobStatus.FAILED])
    given = {"num_cpus": cpus, "num_gpus": gpus, "memory": memory, "runtime": runtime, "timeout": timeout}
    resources = {name: value for name, value in given.items() if value is not None}
    done = session.api.rerun(workflow.id, wanted, chosen or None, group=group, resources=resources)
    text = "; ".join([f"{done.ready:,} job(s) are ready again", *done.notes])
    return session.said(f"{text}.", workflow, ready=done.ready, notes=done.notes)
