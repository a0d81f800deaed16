"""The results of one map as the rows of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torc_nb.api import origins
from torc_nb.errors import InvalidRequest
from torc_nb.functions import Function
from torc_nb.store import Database, maps, upstream
from torc_nb.store.maps import Parameters

#: Stands for a result that is not there yet.
_NOT_YET = "null"


class Taken:
    """What another map's jobs return, as rows to map over; nothing of it needs to be there yet.

    Attributes
    ----------
    shape : dict
        How to show the results: with the index of the other map's.
    classes : set
        The notebook's classes that the other map's function may return.
    unstable : None
        Rows are told by the jobs that they come from.
    """

    unstable: int | None = None

    def __init__(self, database: Database, source: Any) -> None:
        self.shape: dict[str, Any] = {
            "kind": "values",
            "key": [],
            "source": source.name,
            **{name: source.shape[name] for name in ("index", "labelled") if name in source.shape},
        }
        self.classes = origins.classes_returned(source.shape.get("origin", {}).get("function", {}))
        self._database = database
        self._source = source

    def encoded(self) -> Iterator[Parameters]:
        """Yield the rows, in the order of the other map's."""
        keys = dict(maps.keys_of(self._database, self._source.workflow_id, self._source.id))
        for job_id in maps.order_of(self._source) or keys:
            yield Parameters(_NOT_YET, b"", key=keys[job_id], source=job_id)

    def check_no_circle(self, map_id: int, name: str) -> None:
        """Make sure that the other map does not wait for the one that takes its results.

        Raises
        ------
        InvalidRequest
            It does.
        """
        if self._source.id == map_id:
            raise InvalidRequest(f"Map {name!r} cannot take its own results: give the new round a name=….")
        with self._database.read() as connection:
            _, before = upstream.of(connection, (), [self._source.id])
        if map_id in before:
            raise InvalidRequest(
                f"Map {name!r} cannot take the results of {self._source.name!r}, which waits for it: they would wait "
                "for one another in a circle. Give the new round a name=…."
            )

    def how_to_call(self, function: Function, unpack: bool | None) -> str:
        """Decide how a function gets a result that is not known yet: as its one ``argument``, or ``unpacked``.

        Raises
        ------
        InvalidRequest
            It takes no argument.
        """
        signature = function.signature
        if signature is not None and not signature.accepts_any:
            raise InvalidRequest(f"{function.name}() takes no argument, and so no result of {self._source.name!r}.")
        if unpack is None:
            unpack = signature is not None and not signature.accepts_positional(1)
        return "unpacked" if unpack else "argument"
