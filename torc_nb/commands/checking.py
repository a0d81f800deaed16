"""``check``: whether the jobs could run, before anything waits in a long queue."""

from __future__ import annotations

from typing import Any

import click

from torc_nb.commands.answers import Listing
from torc_nb.commands.grammar import DURATION, Verb
from torc_nb.commands.hpc import changed, given, of_nodes
from torc_nb.commands.session import Session


@click.command("check", cls=Verb)
@click.option(
    "--scheduler",
    metavar="NAME",
    help="The workflow's, or a profile of yours; default: the only one. What follows changes it for this once.",
)
@of_nodes
@click.option("--no-job", is_flag=True, help="Look at what can be seen from here alone.")
@click.option(
    "--wait",
    type=DURATION,
    default="5min",
    show_default=True,
    help="How long the job may wait in the queue; then it is canceled.",
)
@click.pass_obj
def check(session: Session, /, scheduler: str | None, no_job: bool, wait: float, **options: Any) -> Listing:
    """Find out whether the jobs could run, before they wait in a long queue.

    The database, folder, disk and quota, account, partition and walltime, from here; then, by a job of a minute on a
    node, whether it reaches the database and the folder and has the same Python, packages and modules.
    """
    from dataclasses import asdict, replace

    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    asked = given(options)
    chosen = changed(session, workflow.id, scheduler, asked) if asked else scheduler
    found = list(session.api.check(workflow.id, chosen, job=not no_job, wait=wait))
    if not session.in_notebook:
        found = [replace(one, advice=one.advice.replace("%torc ", "torc-nb ")) for one in found]
    wrong = [one for one in found if one.ok is False]
    title = f"Checks of {workflow.name} ({workflow.id}): {len(wrong)} of {len(found)} not as they have to be"
    return Listing(title, frames.checks(found), data=[asdict(one) for one in found])
