"""``results``: attempts of jobs, and how they ended."""

from __future__ import annotations

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Listing
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

results = Noun("results", help="Attempts of jobs: how they ended, what they used.")


@results.command("list")
@click.argument("job", type=int, shell_complete=completing.jobs, required=False)
@click.pass_obj
def list_(session: Session, job: int | None) -> Listing:
    """List all attempts, or those of one job, oldest first."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    of = f"{workflow.name} ({workflow.id})" if job is None else f"job {job}"
    frame = frames.attempts(session.api.list_results(workflow.id, job))
    return Listing(f"Results of {of}", frame, off_screen=["late", "cpu_seconds", "stdout_bytes", "stderr_bytes"])
