"""``workflows export`` and ``workflows import``."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session


@click.command("export", cls=Verb)
@click.argument("file")
@click.option("--files/--no-files", default=True, help="With large values, and with what jobs printed.")
@click.option("--overwrite", is_flag=True, help="Replace the file.")
@click.pass_obj
def export(session: Session, file: str, files: bool, overwrite: bool) -> Said:
    """Write a workflow to a file, for `workflows import` elsewhere.

    FILE has a line of JSON for each row; it is compressed where it ends in .gz. Workers may go on.
    """
    from torc_nb.models.quantities import format_memory

    workflow = session.workflow()
    assert workflow.id is not None
    path = session.api.export_workflow(workflow.id, file, files=files, overwrite=overwrite)
    size = path.stat().st_size
    beside = "" if files else f"; its large values and logs are in {workflow.files}"
    text = f"Exported to {path} ({format_memory(size)}){beside}."
    return session.said(text, workflow, file=str(path), size=size, files=files)


@click.command("import", cls=Verb)
@click.argument("file")
@click.option("--name", help="Of the workflow; default: as it was.")
@click.option("--files", default="", metavar="FOLDER", help="Folder for large values and logs.")
@click.pass_obj
def import_(session: Session, file: str, name: str | None, files: str) -> Said:
    """Make a workflow of what `workflows export` wrote, in this database.

    Its jobs and results are as they were; what ran at that moment is to be run again.
    """
    from pathlib import Path

    from torc_nb.api import current

    api = session.make_api()
    folder = str(Path(files).expanduser().resolve()) if files else ""
    workflow = api.import_workflow(file, name=name, files=folder)
    assert workflow.id is not None
    current.use(api, workflow.id)
    total = api.progress(workflow.id).total
    return session.said(f"Imported workflow {workflow.id} with {total:,} job(s).", workflow, jobs=total)
