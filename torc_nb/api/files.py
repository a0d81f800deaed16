"""Files that jobs need or produce."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torc_nb.api import inspection
from torc_nb.models import FileModel
from torc_nb.store import Database, commands, files, jobs, recorded_files, workflows
from torc_nb.worker.file_states import state_of


class FileChange(NamedTuple):
    """A file that is not as a job left it. Times are seconds since the epoch, sizes bytes; a folder has none.

    Attributes
    ----------
    job_id, name, map_name
        Which job: its id, its name or its row's number, and its map; None: it is of none.
    path
        Absolute.
    change
        ``"gone"`` or ``"changed"``.
    recorded_size, recorded_mtime
        How it was when the job had ended.
    size, mtime
        How it is now; None where it is gone.
    """

    job_id: int
    name: str
    map_name: str | None
    path: str
    change: str
    recorded_size: int | None
    size: int | None
    recorded_mtime: float
    mtime: float | None


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

    def check_files(self, workflow_id: int, *, map_id: int | None = None) -> list[FileChange]:
        """Look at the files that completed jobs left, and return those that are gone or changed since.

        They are those of which functions returned the paths, and those that commands produce. Each is looked at from
        here: what this machine does not see counts as gone.
        """
        workflows.get(self.database, workflow_id)
        changes = []
        for row, path in recorded_files.of_completed(self.database, workflow_id, map_id):
            now = state_of(path)
            if now != (row.mtime, row.size):
                mtime, size = now or (None, None)
                changes.append(
                    FileChange(
                        row.job_id, inspection.job_name(row), row.map_name, path, "changed" if now else "gone",
                        row.size, size, row.mtime, mtime,
                    )
                )  # fmt: skip
        return changes

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
