"""What a workflow could do without, found and removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from torc_nb.models import WorkflowModel
from torc_nb.models.quantities import format_memory
from torc_nb.store import Database, allocations, cleaning, leases, spool, workflows

#: How long nobody may have touched a file that goes, in seconds: a map that is being declared names it only at its end.
UNTOUCHED = 86400.0

#: How much of a file is read at a time, and how much of the last part is read again: a name may lie across.
_CHUNK, _OVERLAP = 1 << 20, 200


@dataclass
class Cleaned:
    """What was removed, or would be: how many of each, and how many bytes of files.

    Attributes
    ----------
    attempts
        Earlier attempts of jobs that have a newer one.
    values, logs, launches
        Files of large values that nothing names, logs of workers of which no output is left, folders of workers that
        have ended.
    notes
        What was left alone, and why.
    """

    attempts: int = 0
    values: int = 0
    logs: int = 0
    launches: int = 0
    nbytes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        parts = [
            f"{self.attempts:,} old attempt(s)",
            f"{self.values:,} orphaned file(s)",
            f"{self.logs:,} log(s)",
            f"{self.launches:,} launch folder(s)",
        ]
        return "; ".join([f"{', '.join(parts)}: {format_memory(self.nbytes)} of files", *self.notes])


class Cleaning:
    """Workflows that are rid of what they could do without."""

    database: Database

    def clean_workflow(self, workflow_id: int, *, dry_run: bool = False, untouched: float = UNTOUCHED) -> Cleaned:
        """Remove old attempts, and files that nothing names any more; results stay. Workers may go on meanwhile.

        Parameters
        ----------
        workflow_id : int
            Which.
        dry_run : bool, default False
            Only count.
        untouched : float, default 86400
            Leave files that somebody wrote in the last so many seconds.

        Raises
        ------
        NotFound
            There is no such workflow.
        """
        self.database.check_writable()  # nor could such a user see the files
        workflow = workflows.get(self.database, workflow_id)
        done = Cleaned(attempts=cleaning.superseded(self.database, workflow_id, remove=not dry_run))
        folder, before = Path(workflow.files), time.time() - untouched
        done.launches = _clear(_old_launches(self.database, workflow, before), done, dry_run)
        if reason := _in_use(self.database, workflow):
            done.notes.append(f"{reason}: large values and logs are left alone")
            return done
        done.logs = _clear(_old_logs(self.database, workflow_id, folder / "logs", before), done, dry_run)
        done.values = _clear(_orphans(self.database, workflow_id, folder / "values", before), done, dry_run)
        return done


def _in_use(database: Database, workflow: WorkflowModel) -> str | None:
    """Say who may be about to name a file of which the database knows nothing yet."""
    alive = [one for one in leases.listed(database, workflow.id or 0) if one.state in leases.PRESENT]
    if alive:
        return f"{len(alive)} worker(s) run"
    if spool.found(Path(workflow.files)):
        return "results are still to be taken in"
    return None


def _clear(paths: Iterable[Path], done: Cleaned, dry_run: bool) -> int:
    n = 0
    for path in paths:
        with suppress(OSError):  # somebody else was faster, or it is not ours to remove
            size = sum(one.lstat().st_size for one in (path.rglob("*") if path.is_dir() else [path]))
            if path.is_dir() and not dry_run:
                shutil.rmtree(path)
            elif not dry_run:
                path.unlink()
            done.nbytes += size
            n += 1
    return n


def _old_launches(database: Database, workflow: WorkflowModel, before: float) -> Iterator[Path]:
    """Find the folders of launches whose allocations have all ended."""
    alive = {Path(one.log).parent for one in allocations.listed(database, workflow.id or 0, alive=True) if one.log}
    for path in _listed(Path(workflow.files) / "launches"):
        if path.is_dir() and path not in alive and _is_old(path, before):
            yield path


def _old_logs(database: Database, workflow_id: int, folder: Path, before: float) -> Iterator[Path]:
    logs = [path for path in _listed(folder) if path.suffix == ".log" and _is_old(path, before)]
    needed = {f"{id_}.log" for id_ in cleaning.workers_with_output(database, workflow_id)} if logs else set()
    yield from (path for path in logs if path.name not in needed)


def _orphans(database: Database, workflow_id: int, folder: Path, before: float) -> list[Path]:
    """Find the files of large values that neither a stored text nor a file that is one names."""
    found = {path.name: path for part in _listed(folder) for path in _listed(part) if _is_old(path, before)}
    holding: set[str] = set()
    for text in cleaning.texts_with_files(database, workflow_id) if found else ():
        holding |= set(cleaning.HOLDS_TEXT.findall(text))
        for name in cleaning.NAMED.findall(text):
            found.pop(name, None)
    seen: set[str] = set()
    while found and (new := holding - seen):
        seen |= new
        for name in new:
            for text in _read(folder / name[:2] / name):
                holding |= set(cleaning.HOLDS_TEXT.findall(text))
                for other in cleaning.NAMED.findall(text):
                    found.pop(other, None)
    return sorted(found.values())


def _read(path: Path) -> Iterator[str]:
    """Give the text of a file in parts that overlap."""
    last = b""
    with suppress(FileNotFoundError), path.open("rb") as content:
        while piece := content.read(_CHUNK):
            yield (last + piece).decode("ascii", "replace")
            last = piece[-_OVERLAP:]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_old(path: Path, before: float) -> bool:
    with suppress(OSError):
        return max((one.lstat().st_mtime for one in (path, *path.glob("*"))), default=before) < before
    return False
