"""``resource-requirements``: what jobs ask of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import DURATION, MEMORY, Noun
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.models import ResourceRequirementsModel

resource_requirements = Noun("resource-requirements", help="What jobs ask of a node: CPUs, memory, time.")

#: Of the table of usage: what there is no room for beside what is recommended.
_OFF_SCREEN = [
    *(f"{what}_half" for what in ("cpus", "memory", "runtime")), "cpus_95", "runtime_max", "cut_by_walltime",
    "out_of_memory",
]  # fmt: skip

_OF_MAPS = click.option(
    "--map", "map_names", metavar="NAME", multiple=True, shell_complete=completing.maps,
    help="The jobs of this map only; may be repeated.",
)  # fmt: skip


@resource_requirements.command("add")
@click.argument("name")
@click.option("--cpus", "num_cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Of one job.")
@click.option("--gpus", "num_gpus", type=click.IntRange(min=0), default=0, show_default=True, help="Of one job.")
@click.option("--memory", type=MEMORY, help="Of one job: 20g; a bare number is bytes; default: the share of its CPUs.")
@click.option("--runtime", type=DURATION, help="That one job is expected to take: 1h or P0DT1H.")
@click.option("--timeout", type=DURATION, help="After which one job is stopped.")
@click.pass_obj
def add(session: Session, /, name: str, **asked: Any) -> Said:
    """Keep what jobs ask for, under a name."""
    from torc_nb.models import ResourceRequirementsModel

    workflow = session.workflow()
    assert workflow.id is not None
    made = session.api.create_resource_requirements(
        ResourceRequirementsModel(workflow_id=workflow.id, name=name, **asked)
    )
    return session.said(f"Added resource requirements {made.id} ({name}).", workflow, **_facts(made))


@resource_requirements.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List what the jobs of the workflow ask for; times in seconds, memory in bytes."""
    from torc_nb import frames
    from torc_nb.models import ResourceRequirementsModel

    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.list_resource_requirements(workflow.id)
    frame = frames.records(ResourceRequirementsModel, found, drop=["workflow_id", "num_nodes"])
    return Listing(f"Resource requirements of {workflow.name} ({workflow.id})", frame)


@resource_requirements.command("modify")
@click.argument("requirements", metavar="NAME|ID")
@click.option("--name", help="A new name.")
@click.option("--cpus", "num_cpus", type=click.IntRange(min=1), help="Of one job.")
@click.option("--gpus", "num_gpus", type=click.IntRange(min=0), help="Of one job.")
@click.option("--memory", type=MEMORY, help="Of one job: 20g; a bare number is bytes.")
@click.option("--runtime", type=DURATION, help="That one job is expected to take.")
@click.option("--timeout", type=DURATION, help="After which one job is stopped.")
@click.pass_obj
def modify(session: Session, /, requirements: str, **asked: Any) -> Said:
    """Change what jobs ask for that have not begun; results stay."""
    workflow = session.workflow()
    assert workflow.id is not None
    old = session.one_of(session.api.list_resource_requirements(workflow.id), requirements, "resource requirements")
    changes = {name: value for name, value in asked.items() if value is not None}
    if not changes:
        raise click.UsageError(f"Say what to change: `{requirements} --memory 40g`.")
    new = session.api.modify_resource_requirements(old.id or 0, **changes)
    stays = " Workers that run now keep to what they read." if session.api.progress(workflow.id).workers else ""
    return session.said(f"Changed resource requirements {new.id} ({new.name}).{stays}", workflow, **_facts(new))


@resource_requirements.command("usage")
@_OF_MAPS
@click.pass_obj
def usage(session: Session, map_names: tuple[str, ...]) -> Listing:
    """Show what jobs asked for against what they took, and what is recommended; times in seconds, memory in bytes."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.job_usage(workflow.id, map_names or None)
    title = f"Asked for and used in {workflow.name} ({workflow.id})"
    return Listing(title, frames.job_usage(found.rows), found.notes, off_screen=_OFF_SCREEN)


@resource_requirements.command("apply-recommended")
@_OF_MAPS
@click.pass_obj
def apply_recommended(session: Session, map_names: tuple[str, ...]) -> Said:
    """Have maps' jobs ask for what `usage` recommends: those that wait, the others when they run again.

    What runs is left alone. Mapping again with the numbers of before keeps it; other numbers take it back.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    applied, notes = session.api.apply_recommended(workflow.id, map_names or None)
    facts = [
        {"map": one.map, "old": one.old.model_dump(), "new": one.new.model_dump(), "waiting": one.waiting}
        for one in applied
    ]
    return session.said(f"{'; '.join([*map(str, applied), *notes])}.", workflow, applied=facts, notes=notes)


@resource_requirements.command("delete")
@click.argument("requirements", metavar="NAME|ID")
@click.pass_obj
def delete(session: Session, requirements: str) -> Said:
    """Delete what no job asks for any more."""
    workflow = session.workflow()
    assert workflow.id is not None
    old = session.one_of(session.api.list_resource_requirements(workflow.id), requirements, "resource requirements")
    session.api.delete_resource_requirements(old.id or 0)
    return session.said(f"Deleted resource requirements {old.id} ({old.name}).", workflow, **_facts(old))


def _facts(requirement: ResourceRequirementsModel) -> dict[str, Any]:
    return {"resource_requirements": requirement.model_dump(exclude={"workflow_id", "num_nodes"})}
