"""A workflow for the paper and for a colleague: summed up, written to one file, and opened from it to be looked at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from torc_nb.api import Api, Summary, current, make_api
from torc_nb.models import JobStatus
from torc_nb.models.quantities import counted


class Keeping:
    """What is kept of a workflow, and what is opened of what was kept."""

    _api: Api
    _workflow_id: int
    id: int
    name: str

    @classmethod
    def open(cls, place: str | os.PathLike[str], name: str | None = None, *, trust: bool = False) -> Self:
        """Open a workflow that is there: what ``export`` wrote, or one of a database; nothing is made.

        An exported one is there to be looked at: ``results()``, ``jobs()``, ``failures()``, ``plot`` and the like work
        as they did, with no server and none of its code, and whatever would change something is refused. Nothing in it
        is unpickled or imported: an object of a class is a dict of its fields, and of what was pickled a text tells
        type and size. It is unpacked into a folder for temporary files (``TMPDIR`` chooses the disk), which is removed
        when the process ends, or sooner where nothing refers to the workflow any more.

        Parameters
        ----------
        place : str or path
            The exported file; or a database: a ``postgresql://`` URL, or the path of an SQLite file.
        name : str, optional
            Of a database with several workflows: which; of several of that name the newest, this user's first.
        trust : bool, default False
            As for ``Workflow``; an exported one is never trusted.

        Raises
        ------
        InvalidRequest
            The file is damaged, or is none of these; or it is not clear which workflow.
        NotFound
            There is no such file, or no such workflow.
        DatabaseError
            The database cannot be opened, or a newer torc_nb wrote it.
        """
        api = make_api(place, trust=trust, create=False)
        try:
            record = current.there(api, name)
        except BaseException:
            api.database.close()
            raise
        opened = cls.__new__(cls)
        opened._api, opened.name = api, record.name
        opened.id = opened._workflow_id = record.id or 0
        if not api.database.is_copy:
            current.use(api, opened.id)
        status = api.progress(opened.id)
        failed = status.statuses.get(JobStatus.FAILED, 0)
        copy = f"; to look at, unpacked to {record.files}" if api.database.is_copy else ""
        print(f"opened {record.name} ({record.id}): {counted(status.total, 'job')}, {failed:,} failed{copy}")
        return opened

    def export(
        self, path: str | os.PathLike[str], *, files: bool = True, logs: bool = False, overwrite: bool = False
    ) -> Path:
        """Write it to a zip file for a colleague, or beside a paper; workers may go on meanwhile.

        In it are, all of one moment: parameters and results of each map as Parquet, the text of each version of the
        code, a summary with package versions and node-hours, all of it as an SQLite file, and a README that tells what
        each column means. ``Workflow.open`` shows it as it was here. Environment variables, scripts that set up nodes
        and pickled functions are not in it, nor what other workflows hold.

        Parameters
        ----------
        path : str or path
            Where to. It appears when it is whole; while it is written, all rows stand uncompressed beside it.
        files : bool, default True
            Whether large values are in it: those of more than 1 MiB, which are files of their own.
        logs : bool, default False
            Whether what jobs printed is in it.
        overwrite : bool, default False
            Whether a file that is there may be replaced.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        InvalidRequest
            There is a file already, or it cannot be written; nothing of it is left.
        MissingPackage
            pyarrow is not installed.
        """
        from torc_nb.workflow import exporting

        done = exporting.export(self._api, self.id, path, files=files, logs=logs, overwrite=overwrite)
        print(done.sentence)
        return done.path

    def summary(self) -> Summary:
        """Return what it came to: jobs, versions of the code, node-hours used and wasted, packages; printed, a text."""
        return self._api.summary(self.id)
