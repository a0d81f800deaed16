"""``debug``: a job's call made again in this kernel, and the debugger where it fails."""

from __future__ import annotations

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Debugged
from torc_nb.commands.grammar import KernelVerb
from torc_nb.commands.session import Session


@click.command("debug", cls=KernelVerb, otherwise="A script calls Workflow(…).reproduce(JOB)().")
@click.argument("job", type=int, shell_complete=completing.jobs)
@click.pass_obj
def debug(session: Session, job: int) -> Debugged:
    """Run a job's call in this kernel, and open the debugger where it fails.

    With the code and the parameters of its newest attempt. Nothing is recorded. c = wf.reproduce(JOB) gives the call.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    return Debugged(session.api.reproduce(workflow.id, job))
