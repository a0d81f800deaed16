"""``workflows``: made, started, looked at, canceled, deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Listing, Said, records
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.api import Status

workflows = Noun("workflows", help="Maps and jobs that belong together.")


@workflows.command("create")
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@click.option("--files", default="", metavar="FOLDER", help="Folder for large values, logs and spools.")
@click.pass_obj
def create(session: Session, name: str, description: str, files: str) -> Said:
    """Make a workflow, and the database where there is none."""
    from pathlib import Path

    from torc_nb.api import current
    from torc_nb.models import WorkflowModel

    api = session.make_api()
    folder = str(Path(files).expanduser().resolve()) if files else ""
    workflow = api.create_workflow(WorkflowModel(name=name, description=description, files=folder))
    assert workflow.id is not None
    current.use(api, workflow.id)
    return session.said(f"Created workflow {workflow.id}.", workflow)


@workflows.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List the workflows of the database."""
    from torc_nb import frames
    from torc_nb.models import WorkflowModel

    return Listing(f"Workflows in {session.place}", frames.records(WorkflowModel, session.api.list_workflows()))


@workflows.command("start")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.pass_obj
def start(session: Session, workflow: str | None) -> Said:
    """Let workers run the jobs of a workflow."""
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    started = session.api.start_workflow(chosen.id)
    text = "Started: its jobs can run." if started else "It was started before."
    return session.said(text, chosen, started=started)


@workflows.command("pause")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.pass_obj
def pause(session: Session, workflow: str | None) -> Said:
    """Let no further job begin.

    What runs goes on to its end; what was claimed goes back within some seconds.
    """
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    from torc_nb.models.sentences import sentence

    return session.said(sentence(session.api.pause_workflow(chosen.id)), chosen)


@workflows.command("resume")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.pass_obj
def resume(session: Session, workflow: str | None) -> Said:
    """Let the jobs of a paused workflow begin again."""
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    from torc_nb.models.sentences import sentence

    return session.said(sentence(session.api.resume_workflow(chosen.id)), chosen)


@workflows.command("status")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.pass_obj
def status(session: Session, workflow: str | None) -> Listing:
    """Show how a workflow stands.

    Jobs by status, workers, and allocations that wait or failed.
    """
    from torc_nb import frames

    chosen = session.workflow(workflow)
    assert chosen.id is not None
    found = session.api.status(chosen.id)
    title = f"{chosen.name} ({chosen.id}), {chosen.state}: {found.finished:,} of {found.total:,} jobs finished"
    return Listing(title, frames.statuses(found), _notes(found), data=_data(found))


def _notes(found: Status) -> list[str]:
    from torc_nb.api import campaigns
    from torc_nb.models.quantities import counted

    notes = [
        f"worker {one.id} on {one.host}: {counted(one.num_cpus, 'CPU')}, process {one.pid}, {one.state}"
        for one in found.workers
    ]
    notes += [
        f"allocation {one.id} ({one.kind} {one.scheduler_job or ''}) waits. {one.message}".rstrip()
        for one in found.waiting
    ]
    notes += [
        f"map {one.name} is stopped: {counted(one.failed, 'job')} failed (max_failures={one.max_failures}), "
        f"{one.left:,} will not begin; `%torc rerun` runs the failed ones again, and it goes on"
        for one in found.stops
    ]
    if found.campaign is not None:
        notes.append(campaigns.describe(found.campaign))
    return notes + [f"allocation {one.id} ({one.kind}) failed: {one.message}" for one in found.failed]


def _data(found: Status) -> dict[str, Any]:
    from torc_nb import frames
    from torc_nb.models import AllocationModel, WorkerModel, WorkflowModel

    def by_label(statuses: Any) -> dict[str, int]:
        return {one.label: n for one, n in statuses.items()}

    return {
        "workflow": records(frames.records(WorkflowModel, [found.workflow]))[0],
        "total": found.total,
        "finished": found.finished,
        "statuses": by_label(found.statuses),
        "maps": [asdict(one) | {"statuses": by_label(one.statuses)} for one in found.maps],
        "workers": records(frames.records(WorkerModel, found.workers)),
        "waiting": records(frames.records(AllocationModel, found.waiting)),
        "failed": records(frames.records(AllocationModel, found.failed)),
        "stops": [one._asdict() for one in found.stops],
        "campaign": found.campaign and found.campaign.model_dump(mode="json"),
    }


@workflows.command("summary")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.pass_obj
def summary(session: Session, workflow: str | None) -> Listing:
    """Show what a workflow came to.

    Jobs, versions of the code, node-hours used and wasted, packages.
    """
    from torc_nb import frames

    chosen = session.workflow(workflow)
    assert chosen.id is not None
    found = session.api.summary(chosen.id)
    return Listing(f"Summary of {chosen.name} ({chosen.id})", frames.summary(found), data=found.plain())


@workflows.command("cancel")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.pass_obj
def cancel(session: Session, workflow: str | None) -> Said:
    """Cancel the unfinished jobs of a workflow, and its allocations."""
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    n = session.api.cancel_workflow(chosen.id)
    return session.said(f"Canceled {n:,} job(s) and all allocations.", chosen, canceled=n)


@workflows.command("delete")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(session: Session, workflow: str | None, yes: bool) -> Said:
    """Delete a workflow with its jobs and results.

    Its folder of files stays.
    """
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    total = session.api.progress(chosen.id).total
    if not yes:
        question = f"Delete workflow {chosen.name} ({chosen.id}) with {total:,} job(s) and their results?"
        session.confirm(question, f"`%torc workflows delete {chosen.id} --yes`.")
    session.api.delete_workflow(chosen.id)
    text = f"Deleted with {total:,} job(s); its files stay in {chosen.files}."
    return session.said(text, chosen, deleted=total, files=chosen.files)
