"""``jobs``: listed, read, canceled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Listing, Said, cut
from torc_nb.commands.grammar import STATUS, Noun
from torc_nb.commands.session import Session

if TYPE_CHECKING:
    import pandas as pd

    from torc_nb.models import JobStatus

jobs = Noun("jobs", help="One call of a function, or one command.")


@jobs.command("list")
@click.option("--status", "statuses", type=STATUS, multiple=True, help="Of this status only; may be repeated.")
@click.option("--map", "map_name", metavar="NAME", shell_complete=completing.maps, help="Of this map only.")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many; 0: all.")
@click.pass_obj
def list_(session: Session, statuses: tuple[JobStatus, ...], map_name: str | None, limit: int | None) -> Listing:
    """List jobs, in the order of their keys.

    The key is what other commands call for: `jobs logs KEY`.
    """
    from torc_nb import frames
    from torc_nb.api import inspection
    from torc_nb.api.labels import JobLabels

    workflow = session.workflow()
    assert workflow.id is not None
    map_id = None if map_name is None else session.api.get_map(workflow.id, map_name).id
    limit = session.limit(limit)
    rows = session.api.list_jobs(
        workflow.id, map_id=map_id, statuses=statuses or None, limit=None if limit is None else limit + 1
    )
    labels = JobLabels(session.api.database, workflow.id, rows)
    listed = frames.jobs(
        rows,
        inspection.job_name,
        inspection.shown_status,
        labels.command,
        labels.scheduling,
        labels.note,
        memory=labels.memory,
    )
    frame, notes = cut(_numbered(listed), limit)
    off_screen = ["map", "attempt", "priority", "memory"]
    return Listing(f"Jobs of {workflow.name} ({workflow.id})", frame, notes, off_screen=off_screen)


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows, and put the jobs' keys behind what is told of them, as torc does."""
    numbered = frame.reset_index(names="key")
    numbered.insert(list(numbered.columns).index("scheduling"), "key", numbered.pop("key"))
    numbered.index = numbered.index.rename("index") + 1
    return numbered


@jobs.command("list-user-data")
@click.argument("job", type=int, shell_complete=completing.jobs)
@click.option("--stores", "relation", flag_value="stores", help="What it stored only.")
@click.option("--consumes", "relation", flag_value="consumes", help="What it consumes only.")
@click.pass_obj
def list_user_data(session: Session, job: int, relation: str | None) -> Listing:
    """List what a job consumes and stores."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.list_user_data(workflow.id, job_id=job, relation=relation)
    return Listing(f"User data of job {job}", frames.user_data(found))


@jobs.command("logs")
@click.argument("job", type=int, shell_complete=completing.jobs)
@click.option("--follow", is_flag=True, help="Show it as it comes until the job ends; Ctrl-C ends the following alone.")
@click.pass_obj
def logs(session: Session, job: int, follow: bool) -> Said | None:
    """Show what a job printed, and its traceback."""
    workflow = session.workflow()
    assert workflow.id is not None
    if follow and not session.as_json:
        _follow(session, workflow.id, job)
        return None
    output = session.api.logs(workflow.id, job)
    data = {
        "job_id": output.job_id,
        "attempt": output.attempt,
        "stdout": output.stdout,
        "stderr": output.stderr,
        "traceback": output.traceback,
    }
    return Said(str(output), data)


def _follow(session: Session, workflow_id: int, job: int) -> None:
    try:
        for text in session.api.follow(workflow_id, job):
            click.echo(text, nl=False)
    except KeyboardInterrupt:
        click.echo(f"\nNo longer following job {job}; it goes on.")


@jobs.command("cancel")
@click.argument("chosen", metavar="JOB...", type=int, nargs=-1, shell_complete=completing.jobs, required=True)
@click.pass_obj
def cancel(session: Session, chosen: tuple[int, ...]) -> Said:
    """Cancel jobs; those that run are stopped."""
    workflow = session.workflow()
    assert workflow.id is not None
    n = session.api.cancel_jobs(workflow.id, chosen)
    finished = "" if n == len(set(chosen)) else f"; {len(set(chosen)) - n:,} had finished before, or are not there"
    return session.said(f"Canceled {n:,} job(s){finished}.", workflow, canceled=n)
