"""A workflow written to a file, and taken in from one: JSON, a line for each row, with large values and logs behind."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from torc_nb import private
from torc_nb.api import archives
from torc_nb.errors import InvalidRequest
from torc_nb.models import WorkflowModel
from torc_nb.store import Database, exporting, importing, workflows

#: How much of a file stands in one line, in bytes.
_CHUNK = 1 << 20

#: The files that travel, by their place in the folder of the workflow.
_TRAVELS = re.compile(r"values/[0-9a-f]{2}/[0-9a-f]{40}|logs/(?P<worker>\d+)\.log")


class Moving:
    """Workflows that move from one database to another."""

    database: Database

    def export_workflow(
        self, workflow_id: int, path: str | os.PathLike[str], *, files: bool = True, overwrite: bool = False
    ) -> Path:
        """Write a workflow to a file, from which ``import_workflow`` makes the same; workers may go on meanwhile.

        Parameters
        ----------
        workflow_id : int
            Which.
        path : str or path
            Where to; compressed where it ends in ``.gz``. It appears when it is whole.
        files : bool, default True
            Whether large values and what jobs printed are in it.
        overwrite : bool, default False
            Whether a file that is there may be replaced.

        Raises
        ------
        InvalidRequest
            There is a file already, or it cannot be written; or this user may not read the files.
        NotFound
            There is no such workflow.
        """
        workflow = workflows.get(self.database, workflow_id)
        target = Path(path).expanduser().absolute()
        if target.exists() and not overwrite:
            raise InvalidRequest(f"There is a file {target} already; `--overwrite` (overwrite=True) replaces it.")
        try:
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
        except OSError as error:
            raise InvalidRequest(f"{target} cannot be written: {error.strerror}.") from error
        os.close(handle)
        try:
            with _opened(Path(temporary), "wt", target.suffix) as lines:
                for record in exporting.records(self.database, workflow_id):
                    _write(lines, record)
                for record in _contents(Path(workflow.files)) if files else ():
                    _write(lines, record)
                _write(lines, {"whole": True})
            Path(temporary).replace(target)
        except BaseException as error:
            with suppress(OSError):
                Path(temporary).unlink()
            if isinstance(error, PermissionError):
                raise InvalidRequest(
                    f"The large values and logs of {workflow.name} are files that you may not read: {error.filename}. "
                    "`--no-files` (files=False) exports it without."
                ) from error
            raise
        return target

    def import_workflow(
        self, path: str | os.PathLike[str], *, name: str | None = None, files: str | os.PathLike[str] = ""
    ) -> WorkflowModel:
        """Make a workflow of what ``export_workflow`` wrote: jobs, results, code as they were, with ids of their own.

        Parameters
        ----------
        path : str or path
            The file.
        name : str, optional
            Of the workflow; default: as it was.
        files : str or path, optional
            Folder of its large values and logs; a server's database needs one.

        Raises
        ------
        InvalidRequest
            It is no such file, or not all of it, or of another version; nothing is left of it.
        NotTrusted
            It is another user's workflow, and this database was not opened with ``trust=True``.
        """
        source = Path(path).expanduser()
        if archives.is_archive(source):
            raise InvalidRequest(
                f"{source} is there to be looked at, by Workflow.open: it holds no functions that could run. Whoever "
                "has the workflow writes one that can be taken in by `%torc workflows export FILE.jsonl.gz`."
            )
        taken = None
        try:
            with _opened(source, "rt", source.suffix) as lines:
                records = (json.loads(line) for line in lines)
                taken = importing.Import(self.database, next(records, None), name=name, files=os.fspath(files))
                taken.take(records)
                _take_files(records, taken)
            return taken.finish()
        except BaseException as error:
            if taken is not None:
                workflows.remove(self.database, taken.id)
                shutil.rmtree(taken.folder, ignore_errors=True)
            if isinstance(error, OSError | EOFError | UnicodeDecodeError | json.JSONDecodeError):
                why = error.strerror if isinstance(error, OSError) and error.strerror else importing.TORN
                raise InvalidRequest(f"{source} cannot be imported: {why}") from error
            raise


def _opened(path: Path, mode: str, suffix: str) -> IO[Any]:
    opener: Any = gzip.open if suffix == ".gz" else open
    opened: IO[Any] = opener(path, mode, encoding="utf-8")
    return opened


def _write(lines: IO[str], record: Any) -> None:
    lines.write(json.dumps(record, separators=(",", ":")))
    lines.write("\n")


def _contents(folder: Path) -> Iterator[dict[str, Any]]:
    """Give the files of a workflow in pieces."""
    for path in sorted(folder.glob("*/**/*")):
        place = path.relative_to(folder).as_posix()
        if _TRAVELS.fullmatch(place) and path.is_file():
            yield {"file": place}
            with path.open("rb") as content:
                while piece := content.read(_CHUNK):
                    yield {"data": b64encode(piece).decode("ascii")}


def _take_files(records: Iterator[Any], taken: importing.Import) -> None:
    opened: IO[bytes] | None = None
    try:
        for record in records:
            if "data" in record and opened is not None:
                opened.write(b64decode(record["data"]))
                continue
            if opened is not None:
                opened.close()
                opened = None
            if "whole" in record:
                return
            place = _placed(record.get("file", ""), taken)
            private.make_folder(place.parent)
            opened = os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        raise InvalidRequest(importing.TORN)
    finally:
        if opened is not None:
            opened.close()


def _placed(name: str, taken: importing.Import) -> Path:
    """Return where a file goes: a log is called by its worker."""
    match = _TRAVELS.fullmatch(name)
    if match is None:
        raise InvalidRequest(f"The file has a part {name!r:.100}, which is none of a workflow.")
    if match["worker"] is None:
        return taken.folder / name
    return taken.folder / "logs" / f"{taken.worker_id(int(match['worker'])) or 0}.log"
