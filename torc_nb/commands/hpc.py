"""``hpc slurm``: nodes asked of Slurm, and how."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.excluded_nodes import excluded_nodes
from torc_nb.commands.grammar import DURATION, PAIR, SLURM_MEMORY, Noun
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.models import SlurmSchedulerModel

Command = TypeVar("Command", bound=Callable[..., Any])

hpc = Noun("hpc", help="Compute nodes of a cluster.")
slurm = Noun("slurm", help="Nodes asked of Slurm.")
hpc.add_command(slurm)
slurm.add_command(excluded_nodes)


#: The options of every job that is asked of Slurm, and those of nodes for workers.
OF_JOBS = [
    click.option("--account", help="As sbatch's."),
    click.option("--partition", help="As sbatch's."),
    click.option("--qos", help="As sbatch's."),
    click.option("--walltime", type=DURATION, help="4h or 04:00:00."),
    click.option("--mem", type=SLURM_MEMORY, help="Per node: 180g; a bare number is MiB."),
    click.option("--extra", type=PAIR, multiple=True, help="Further option of sbatch: constraint=ib; may be repeated."),
]
_OF_NODES = [
    click.option("--cpus", type=click.IntRange(min=1), help="CPUs per node; default: the whole node."),
    click.option("--gres", help="As sbatch's: gpu:2."),
    click.option("--tmp", help="As sbatch's."),
    click.option("--charge", type=click.FloatRange(min=0, min_open=True), help="Of an hour of one node, for `plan`."),
    click.option("--setup", metavar="LINE", multiple=True, help="Shell line run before the worker; may be repeated."),
]


_CANARY = click.option(
    "--canary",
    metavar="K",
    type=click.IntRange(min=1),
    help="First have K jobs of each map run, spread over its rows, by one allocation (without Slurm: here), and wait "
    "for them; plan by what they took.",
)


def of_nodes(command: Command) -> Command:
    """Give a command the options that say how nodes are asked for."""
    for option in reversed(OF_JOBS + _OF_NODES):
        command = option(command)
    return command


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that were given, as a scheduler has them."""
    named = {**options, "setup": list(options["setup"]), "extra": dict(options["extra"])}
    return {name: value for name, value in named.items() if value not in (None, [], {})}


@slurm.command("schedule-nodes")
@click.option(
    "-n",
    "--nodes",
    type=click.IntRange(min=1),
    help="Have so many nodes; default: what `hpc slurm plan` calls best, one where no run time is known.",
)
@click.option(
    "--scheduler",
    metavar="NAME",
    help="The workflow's, or a profile of yours; default: the only one. What follows changes it for this once.",
)
@of_nodes
@click.option(
    "--idle-timeout",
    type=DURATION,
    default="10min",
    show_default=True,
    help="A worker leaves after so long idle.",
)
@click.option("--more", is_flag=True, help="So many more, instead of so many in all.")
@_CANARY
@click.option(
    "--until-done/--once",
    default=None,
    help="Keep so many pending or running while work remains; --once ends that. Default: as asked before, else once.",
)
@click.option(
    "--max-node-hours",
    type=click.FloatRange(min=0, min_open=True),
    help="With --until-done: submit nothing beyond; an allocation counts with its whole walltime until it ends.",
)
@click.pass_obj
def schedule_nodes(
    session: Session,
    /,
    nodes: int | None,
    scheduler: str | None,
    idle_timeout: float,
    more: bool,
    canary: int | None,
    until_done: bool | None,
    max_node_hours: float | None,
    **options: Any,
) -> Said:
    """Have nodes of Slurm that run the jobs; starts the workflow."""
    workflow = session.workflow()
    assert workflow.id is not None
    asked = given(options)
    chosen = changed(session, workflow.id, scheduler, asked) if asked else scheduler
    if canary is not None:
        from torc_nb.workflow.canary import check_nodes_of_canary

        check_nodes_of_canary(nodes)
        for line in _flown(session, workflow.id, canary, chosen):
            click.echo(line, err=True)
    brought = session.api.schedule_nodes(
        workflow.id, nodes, scheduler=chosen, idle_timeout=idle_timeout, more=more,
        until_done=until_done, max_node_hours=max_node_hours,
    )  # fmt: skip
    return session.said(brought.message, workflow, started=brought.started, alive=brought.alive)


@slurm.command("plan")
@click.option(
    "--scheduler",
    metavar="NAME",
    help="The workflow's, or a profile of yours; default: the only one. What follows changes it for this once.",
)
@_CANARY
@of_nodes
@click.pass_obj
def plan(session: Session, /, scheduler: str | None, canary: int | None, **options: Any) -> Listing:
    """Show how many nodes the jobs that are left could have, and what each choice takes; submits nothing else."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    asked = given(options)
    chosen = changed(session, workflow.id, scheduler, asked) if asked else scheduler
    said = [] if canary is None else _flown(session, workflow.id, canary, chosen)
    found = session.api.plan_nodes(workflow.id, chosen)
    frame = frames.plan(found.choices, found.best)
    return Listing(f"Nodes for {workflow.name} ({workflow.id})", frame, notes=[*said, *found.notes])


def _flown(
    session: Session, workflow_id: int, canary: int, scheduler: str | SlurmSchedulerModel | None
) -> list[str]:
    """Have some jobs run first; what is said meanwhile is none of the answer."""
    from torc_nb.workflow.canary import fly

    say = partial(click.echo, err=not session.in_notebook)
    return fly(session.api, workflow_id, canary, scheduler, say=say, progress=not session.as_json)


def changed(session: Session, workflow_id: int, name: str | None, options: dict[str, Any]) -> SlurmSchedulerModel:
    """Return the scheduler of a name, or the one that is meant, with other settings for this once."""
    from torc_nb.api import launching
    from torc_nb.models import SlurmSchedulerModel

    base = launching.scheduler_named(session.api.database, workflow_id, name)
    return SlurmSchedulerModel(**{**base.model_dump(exclude={"id"}), "workflow_id": workflow_id, **options})


@slurm.command("add")
@click.argument("name")
@of_nodes
@click.pass_obj
def add(session: Session, /, name: str, **options: Any) -> Said:
    """Keep a way to ask for nodes, for `schedule-nodes --scheduler NAME`."""
    from torc_nb.models import SlurmSchedulerModel

    workflow = session.workflow()
    assert workflow.id is not None
    if name in (one.name for one in session.api.list_slurm_schedulers(workflow.id)):
        raise click.UsageError(f"There is a scheduler {name} already; `hpc slurm modify {name} …` changes it.")
    made = session.api.create_slurm_scheduler(
        SlurmSchedulerModel(workflow_id=workflow.id, name=name, **given(options))
    )
    return session.said(f"Added scheduler {name}.", workflow, **_facts(made))


@slurm.command("modify")
@click.argument("scheduler", metavar="NAME|ID")
@click.option("--name", help="A new name.")
@of_nodes
@click.pass_obj
def modify(session: Session, /, scheduler: str, **options: Any) -> Said:
    """Change how nodes are asked for from now on; an empty text takes a setting away."""
    workflow = session.workflow()
    assert workflow.id is not None
    known = session.api.list_slurm_schedulers(workflow.id)
    old = session.one_of(known, scheduler, "scheduler")
    asked = given(options)
    if not asked:
        raise click.UsageError(f"Say what to change: `{scheduler} --walltime 2h`.")
    changes = {name: None if value == "" else value for name, value in asked.items()}
    new = session.api.modify_slurm_scheduler(old.id or 0, **changes)
    return session.said(f"Changed scheduler {new.name}.", workflow, **_facts(new))


@slurm.command("delete")
@click.argument("scheduler", metavar="NAME|ID")
@click.pass_obj
def delete(session: Session, scheduler: str) -> Said:
    """Delete a scheduler; allocations that it asked for stay."""
    workflow = session.workflow()
    assert workflow.id is not None
    old = session.one_of(session.api.list_slurm_schedulers(workflow.id), scheduler, "scheduler")
    session.api.delete_slurm_scheduler(old.id or 0)
    return session.said(f"Deleted scheduler {old.name}.", workflow, **_facts(old))


def _facts(scheduler: SlurmSchedulerModel) -> dict[str, Any]:
    return {"scheduler": scheduler.model_dump(exclude={"workflow_id", "nodes"})}


@slurm.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List what --scheduler can name.

    The workflow's own schedulers, then the profiles in your configuration file.
    """
    from torc_nb import frames, launch
    from torc_nb.models import SlurmSchedulerModel

    workflow = session.workflow()
    assert workflow.id is not None
    own = session.api.list_slurm_schedulers(workflow.id)
    taken = {one.name for one in own}
    profiles = [profile for name, profile in launch.profiles().items() if name not in taken]
    frame = frames.records(SlurmSchedulerModel, [*own, *profiles], drop=["workflow_id", "nodes"])
    return Listing(f"Schedulers of {workflow.name} ({workflow.id})", frame)
