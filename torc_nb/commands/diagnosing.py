"""``why``: what a job or a workflow waits for."""

from __future__ import annotations

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session


@click.command("why", cls=Verb)
@click.argument("job", type=int, required=False, shell_complete=completing.jobs)
@click.pass_obj
def why(session: Session, job: int | None) -> Said:
    """Say what a job waits for, or the workflow, and what to do next.

    For other jobs, a worker that is large enough or has time enough left, Slurm, a worker gone silent, or nothing.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.why(workflow.id, job)
    # Named as they are typed: what is said is else shown as it is, since a job's output may have such words too.
    advice = found.advice if session.in_notebook else found.advice.replace("%torc ", "torc-nb ")
    data = {"workflow_id": workflow.id, "job_id": job, "why": found.text, "advice": advice}
    return Said(f"{found.text} {advice}".rstrip(), data)
