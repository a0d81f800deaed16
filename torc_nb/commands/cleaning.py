"""``workflows clean``: rid of what nobody needs."""

from __future__ import annotations

from dataclasses import asdict

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import DURATION, Verb
from torc_nb.commands.session import Session


@click.command("clean", cls=Verb)
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.option("--dry-run", is_flag=True, help="Count, and remove nothing.")
@click.option("--untouched", type=DURATION, default="1d", show_default=True, help="Leave files younger than this.")
@click.pass_obj
def clean(session: Session, workflow: str | None, dry_run: bool, untouched: float) -> Said:
    """Remove old attempts, and files that nothing names any more.

    That is: attempts which a later one took the place of, orphaned large values, logs without output that is still
    known, and folders of launches that have ended. Results stay.
    """
    chosen = session.workflow(workflow)
    assert chosen.id is not None
    done = session.api.clean_workflow(chosen.id, dry_run=dry_run, untouched=untouched)
    verb = "Would remove" if dry_run else "Removed"
    return session.said(f"{verb} {done.sentence}.", chosen, dry_run=dry_run, **asdict(done))
