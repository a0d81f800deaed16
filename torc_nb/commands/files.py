"""``files``: what jobs need and produce."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

files = Noun("files", help="Files that jobs need or produce.")


@files.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List files as they were when last looked at: time, size in bytes."""
    from torc_nb import frames
    from torc_nb.models import FileModel

    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.list_files(workflow.id)
    return Listing(f"Files of {workflow.name} ({workflow.id})", frames.records(FileModel, found, drop=["workflow_id"]))


@files.command("check")
@click.pass_obj
def check(session: Session) -> Listing:
    """List files that are gone or changed since jobs returned their paths, or produced them."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    found = frames.file_changes(session.api.check_files(workflow.id))
    notes = [] if len(found) else ["All recorded files are as the jobs left them."]
    return Listing(f"Files of {workflow.name} ({workflow.id}) that are gone or changed", found, notes)


@files.command("add")
@click.argument("path", type=click.Path())
@click.option("-n", "--name", default="", help="What it is called; default: the path's last part.")
@click.pass_obj
def add(session: Session, path: str, name: str) -> Said:
    """Keep a record of a file, there or not yet."""
    from torc_nb.models import FileModel

    workflow = session.workflow()
    assert workflow.id is not None
    file = session.api.create_file(FileModel(workflow_id=workflow.id, name=name, path=path))
    return session.said(f"File {file.id}: {file.path}.", workflow, id=file.id, path=file.path)


@files.command("delete")
@click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)
@click.pass_obj
def delete(session: Session, ids: tuple[int, ...]) -> Said:
    """Forget files; they themselves stay where they are."""
    workflow = session.workflow()
    for file_id in ids:
        session.api.delete_file(file_id)
    return session.said(f"Forgot file(s) {', '.join(map(str, ids))}.", workflow, forgotten=list(ids))
