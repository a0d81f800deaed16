"""``workflows export`` and ``workflows import``."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session


@click.command("export", cls=Verb)
@click.argument("file")
@click.option("--files/--no-files", default=True, help="With large values; those of no zip with what jobs printed.")
@click.option("--logs", is_flag=True, help="With what jobs printed, in a zip.")
@click.option("--overwrite", is_flag=True, help="Replace the file.")
@click.pass_obj
def export(session: Session, file: str, files: bool, logs: bool, overwrite: bool) -> Said:
    """Write a workflow to a file: to be looked at, or for `workflows import` elsewhere.

    Of a name that ends in .zip it is for a colleague or a paper: Parquet, code, a summary, an SQLite file and a README,
    which `Workflow.open(FILE)`, and each command with `--db FILE`, shows. Of any other name it is for `workflows
    import`: a line of JSON for each row, compressed where it ends in .gz. Workers may go on.
    """
    from torc_nb.models.quantities import format_memory

    workflow = session.workflow()
    assert workflow.id is not None
    if file.endswith(".zip"):
        from torc_nb.workflow import exporting

        done = exporting.export(session.api, workflow.id, file, files=files, logs=logs, overwrite=overwrite)
        facts = {"file": str(done.path), "size": done.path.stat().st_size, "files": files, "logs": logs}
        return session.said(f"{done.sentence}.", workflow, jobs=done.jobs, **facts)
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
