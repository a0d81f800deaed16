"""Files that jobs need or produce."""

from __future__ import annotations

from pathlib import Path

from torc_nb.models import FileModel
from torc_nb.store import Database, commands, files, jobs, workflows


class Files:
    """What can be done with the records of files."""

    database: Database

    def create_file(self, file: FileModel) -> FileModel:
        """Keep a record of a file, there or not yet; a path is kept once, as an absolute one.

        Its time and size are those of the moment, where the record does not bring its own.
        """
        workflows.get(self.database, file.workflow_id)
        path = Path(file.path).expanduser().absolute()
        kept = file.model_copy(update={"path": str(path), "name": file.name or path.name})
        if kept.mtime is None and path.exists():
            found = path.stat()
            kept = kept.model_copy(update={"mtime": found.st_mtime, "size": found.st_size})
        with self.database.write() as connection:
            file_id = files.keep(connection, kept)
        return kept.model_copy(update={"id": file_id})

    def get_file(self, file_id: int) -> FileModel:
        """Return a record; NotFound where there is none."""
        return files.get(self.database, int(file_id))

    def list_files(
        self, workflow_id: int, *, job_id: int | None = None, relation: str | None = None
    ) -> list[FileModel]:
        """Return a workflow's files, or those that a job needs or produces (``relation``: one of the two words)."""
        workflows.get(self.database, workflow_id)
        return files.listed(self.database, workflow_id, job_id=job_id, relation=relation)

    def delete_file(self, file_id: int) -> FileModel:
        """Forget a file; the file itself stays. Returns what was known of it."""
        known = files.get(self.database, int(file_id))
        related = commands.of_file(self.database, int(file_id))
        files.remove(self.database, int(file_id))
        for workflow_id, job_id in related:
            commands.relate(self.database, workflow_id, job_id)
        return known

    def relate_files(self, job_id: int, *, needs: list[int] | None = None, produces: list[int] | None = None) -> None:
        """Note that a job needs files and produces others.

        A command then waits for the jobs that produce what it needs, and looks for both itself.

        Raises
        ------
        Conflict
            Another job produces one of them.
        """
        job = jobs.get(self.database, job_id)
        if job.command is not None:
            commands.relate(self.database, job.workflow_id, job.id, needs or (), produces or ())
            return
        with self.database.write() as connection:
            files.relate(connection, job_id, needs or [], "needs")
            files.relate(connection, job_id, produces or [], "produces")
