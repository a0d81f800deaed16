"""What a job collects: all results of a map, read and written in a thread, and read by the job as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from torc_nb.errors import DatabaseUnavailable
from torc_nb.store import Database, maps, results

#: How many results are written at a time.
_MANY = 10_000
#: How much of the file is read at a time, in bytes.
_PIECE = 1 << 20
#: How long a reader that is ahead of the writer waits, in seconds.
_PAUSE = 0.002
#: How long the thread waits for a database that is away before it asks again, in seconds.
_ASK_AGAIN = 0.5
#: The file's last line, which is no value: a file without it is not whole yet.
_END = b"end"


class Collection:
    """The results of a map on their way into a file on this node, one a line in input order.

    The job begins meanwhile: a million take more than a second. A database that is away is waited for.
    """

    def __init__(self, database: Database, workflow_id: int, map_id: int, path: Path) -> None:
        self.path = path
        self.error: BaseException | None = None
        self._database = database
        self._workflow_id = workflow_id
        self._map_id = map_id
        self._is_wanted = True
        path.touch(mode=0o600)
        threading.Thread(target=self._collect, name="collection", daemon=True).start()

    def discard(self) -> None:
        """Remove the file: who reads it now may go on."""
        self._is_wanted = False
        self.path.unlink(missing_ok=True)

    def _collect(self) -> None:
        try:
            found = self._found()
            with self.path.open("wb") as lines:
                for start in range(0, len(found), _MANY):
                    lines.write("".join(f"{value or 'null'}\n" for value in found[start : start + _MANY]).encode())
                    lines.flush()
                lines.write(_END + b"\n")
        except BaseException as error:
            if self._is_wanted:
                self.error = error

    def _found(self) -> list[str | None]:
        while True:
            try:
                by_job = results.values_of_map(self._database, self._workflow_id, self._map_id)
                order = maps.order_of(maps.get(self._database, self._map_id))
            except DatabaseUnavailable:
                time.sleep(_ASK_AGAIN)
                continue
            if order is None:
                return [value for _, value in by_job]
            known = dict(by_job)
            return [known[job_id] for job_id in order if job_id in known]


def pieces(path: str) -> Iterator[list[bytes]]:
    """Yield the lines of a collection's file as they come, many at a time, until it is whole."""
    unfinished = b""
    with Path(path).open("rb", buffering=0) as file:
        while True:
            piece = file.read(_PIECE)
            if not piece:
                time.sleep(_PAUSE)
                continue
            lines = (unfinished + piece).split(b"\n")
            unfinished = lines.pop()
            if lines and lines[-1] == _END:
                yield lines[:-1]
                return
            yield lines
