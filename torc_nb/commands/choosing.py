"""``workflows use``: which workflow is meant from now on."""

from __future__ import annotations

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session


@click.command("use", cls=Verb)
@click.argument("workflow", shell_complete=completing.workflows)
@click.pass_obj
def use(session: Session, workflow: str) -> Said:
    """Mean this workflow where no other is named.

    In a notebook: in this kernel. On a command line: wherever you work with this database, until you use another.
    """
    from torc_nb.api import choices, current
    from torc_nb.errors import TorcError

    chosen = session.workflow(workflow)
    assert chosen.id is not None
    current.use(session.api, chosen.id)
    if not session.in_notebook and not choices.choose(session.api.database, chosen.id):
        raise TorcError("Your home cannot be written, so nothing was remembered; give -w NAME with each command.")
    return session.said(f"{chosen.name} is meant from now on.", chosen)
