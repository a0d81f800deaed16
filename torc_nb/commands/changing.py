"""Verbs that change what was declared: workflows and jobs made to run again, jobs disabled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import NumberVerb, Verb
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    from torc_nb.api import Report
    from torc_nb.models import WorkflowModel

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
_ACCEPT = click.option("--accept", is_flag=True, help="Results of earlier code count as those of the code as it is.")
_LIMIT = click.option("--limit", type=click.IntRange(min=0), help="Of a dry run, at most so many rows; 0: all.")


@click.command("reinitialize", cls=Verb)
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@_DRY_RUN
@_ACCEPT
@_LIMIT
@click.pass_obj
def reinitialize(
    session: Session, workflow: str | None, dry_run: bool, accept: bool, limit: int | None
) -> Said | Listing:
    """Make ready again what a change affects.

    Jobs whose parameters or code changed, and all that follows from these. Failed jobs that nothing affects stay
    failed.
    """
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    report = session.api.reinitialize(chosen.id, dry_run=dry_run, accept=accept)
    return _foreseen(session, chosen, report, limit) if dry_run else _done(session, chosen, report)


@click.command("restart", cls=Verb)
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@_DRY_RUN
@_LIMIT
@click.pass_obj
def restart(session: Session, workflow: str | None, dry_run: bool, limit: int | None) -> Said | Listing:
    """Reinitialize a workflow, and start it."""
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    report = session.api.reinitialize(chosen.id, dry_run=dry_run)
    if dry_run:
        return _foreseen(session, chosen, report, limit)
    session.api.start_workflow(chosen.id)
    return _done(session, chosen, report)


@click.command("reset-status", cls=Verb)
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.option("--failed-only", is_flag=True, help="Only of jobs that failed or were stopped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def reset_status(session: Session, workflow: str | None, failed_only: bool, yes: bool) -> Said:
    """Let finished jobs run again, all or the failed ones.

    What follows from them waits; their earlier attempts stay.
    """
    from torc_nb.models import FINISHED, JobStatus

    chosen = session.workflow(workflow)
    assert chosen.id is not None
    completed = session.api.progress(chosen.id).statuses.get(JobStatus.COMPLETED, 0)
    if completed and not failed_only and not yes:
        question = f"Let all jobs of {chosen.name} ({chosen.id}) run again, {completed:,} completed ones among them?"
        session.confirm(question, f"`%torc workflows reset-status {chosen.id} --yes`.")
    stopped = [JobStatus.FAILED, JobStatus.TERMINATED, JobStatus.CANCELED]
    statuses = stopped if failed_only else sorted(FINISHED - {JobStatus.DISABLED})
    done = session.api.rerun(chosen.id, statuses, start=False)
    text = "; ".join([f"{done.ready:,} job(s) are ready again, {done.waits:,} wait", *done.notes])
    return session.said(f"{text}.", chosen, ready=done.ready, waits=done.waits, notes=done.notes)


@click.command("reset-status", cls=Verb)
@click.argument("chosen", metavar="JOB...", type=int, nargs=-1, shell_complete=completing.jobs, required=True)
@click.pass_obj
def reset_status_of_jobs(session: Session, chosen: tuple[int, ...]) -> Said:
    """Let finished jobs run again.

    What follows from them waits; their earlier attempts stay.
    """
    from torc_nb.models import FINISHED

    workflow = session.workflow()
    assert workflow.id is not None
    done = session.api.rerun(workflow.id, sorted(FINISHED), chosen, start=False)
    text = "; ".join([f"{done.ready:,} job(s) are ready again, {done.waits:,} wait", *done.notes])
    return session.said(f"{text}.", workflow, ready=done.ready, waits=done.waits, notes=done.notes)


@click.command("disable", cls=Verb)
@click.argument("chosen", metavar="JOB...", type=int, nargs=-1, shell_complete=completing.jobs, required=True)
@click.pass_obj
def disable(session: Session, chosen: tuple[int, ...]) -> Said:
    """Set jobs aside: they will not run, and nothing waits for them.

    A postprocess that had the results of some runs again without them.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    n = session.api.disable_jobs(workflow.id, chosen)
    others = "" if n == len(set(chosen)) else f"; {len(set(chosen)) - n:,} run, were disabled before, or are not there"
    return session.said(f"Disabled {n:,} job(s){others}.", workflow, disabled=n)


#: What is added to the nouns.
@click.command("set-priority", cls=NumberVerb)
@click.argument("map_name", metavar="MAP", shell_complete=completing.maps)
@click.argument("priority", type=int)
@click.pass_obj
def set_priority(session: Session, map_name: str, priority: int) -> Said:
    """Let a map's jobs begin before those of maps of a lower priority.

    The priority is 0 where none was given. Workers go on with what they hold.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    session.api.set_priority(session.api.get_map(workflow.id, map_name).id, priority)
    return session.said(f"Map {map_name} has priority {priority}.", workflow, map=map_name, priority=priority)


OF_WORKFLOWS = (reinitialize, restart, reset_status)
OF_JOBS = (reset_status_of_jobs, disable, set_priority)


def _foreseen(session: Session, workflow: WorkflowModel, report: Report, limit: int | None) -> Listing:
    from itertools import islice

    from torc_nb import frames

    shown = session.limit(limit)
    notes = [report.sentence(), *report.notes]
    if shown is not None and report.affected > shown:
        notes.append(f"These are the first {shown:,} of {report.affected:,}; --limit N shows more, --limit 0 all.")
    frame = frames.affected(islice(report.rows(), shown), session.api.label_decoder(workflow.id or 0))
    title = f"What a reinitialize of {workflow.name} ({workflow.id}) would do"
    return Listing(title, frame, notes, off_screen=["old", "new"])


def _done(session: Session, workflow: WorkflowModel, report: Report) -> Said:
    facts = {
        "ready": report.ready,
        "waits": report.waits,
        "run_id": report.run_id,
        "reasons": report.reasons,
        "unaffected_failed": report.failed,
        "notes": report.notes,
    }
    return session.said("; ".join([report.sentence(), *report.notes]) + ".", workflow, **facts)
