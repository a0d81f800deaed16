"""``db share`` and ``db unshare``: colleagues who may read."""

from __future__ import annotations

from dataclasses import asdict

import click

from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session


@click.command("share", cls=Verb)
@click.option("--group", required=True, metavar="GROUP", help="A Unix group that you are in.")
@click.pass_obj
def share(session: Session, group: str) -> Said:
    """Let the members of a Unix group read the database of the private server: all of it, and change nothing.

    They name it by the URL that is printed. Large values and logs are files of yours, and stay closed. Another group
    takes the place of the one before.
    """
    from torc_nb.api import sharing

    shared = sharing.share(session.database, group)
    lines = [f"Group {group} may read the database:", f'    Workflow(NAME, db="{shared.url}")']
    if shared.to_open:
        lines += ["It cannot get there yet. Where a folder is yours, type", *(f"    {one}" for one in shared.to_open)]
    return Said("\n".join(lines), asdict(shared), shared.url)


@click.command("unshare", cls=Verb)
@click.pass_obj
def unshare(session: Session) -> Said:
    """Let nobody else read the database any more; who does is put out at once."""
    from torc_nb.api import sharing

    group = sharing.unshare(session.database)
    return Said(f"Group {group} may not read the database any more.", {"group": group})


OF_DB = (share, unshare)
