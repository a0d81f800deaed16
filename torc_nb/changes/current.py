"""The code of a workflow as it now is, beside what was mapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torc_nb.functions import Function
from torc_nb.store import Database, code, functions, jobs, maps
from torc_nb.store.staleness import Code


@dataclass(frozen=True)
class Current:
    """Functions as they now are.

    Attributes
    ----------
    of_maps, of_jobs
        By the id of the map, or of the postprocess job. What is not there could not be found, and counts as it was
        mapped last.
    is_compared
        Whether a result by other code is one to be made anew.
    """

    of_maps: Mapping[int, Function] = field(default_factory=dict)
    of_jobs: Mapping[int, Function] = field(default_factory=dict)
    is_compared: bool = True

    def digests(self) -> Code:
        """Return what results are compared with."""
        return Code(
            {id_: function.digest for id_, function in self.of_maps.items()},
            {id_: function.digest for id_, function in self.of_jobs.items()},
            self.is_compared,
        )

    def take_effect(self, database: Database, workflow_id: int) -> list[str]:
        """Let whatever begins from now on run these functions; says of each that is not what was mapped last."""
        return list(self._changes(database, workflow_id))

    def _changes(self, database: Database, workflow_id: int) -> Iterator[str]:
        for map_ in maps.listed(database, workflow_id):
            function = self.of_maps.get(map_.id)
            if function is not None and (kept := functions.keep(database, workflow_id, function)) != map_.function_id:
                code.set_function(database, workflow_id, map_.id, kept)
                yield _changed(database, workflow_id, map_.name, function, kept)
            reducer = self.of_jobs.get(map_.postprocess_id or 0)
            if reducer is not None:
                kept = functions.keep(database, workflow_id, reducer)
                if kept != jobs.get(database, map_.postprocess_id).function_id:
                    code.set_postprocess(database, workflow_id, map_.postprocess_id, kept)
                    yield _changed(database, workflow_id, map_.name, reducer, kept)


def _changed(database: Database, workflow_id: int, map_name: str, function: Function, kept: int) -> str:
    version = functions.labels(database, workflow_id)[kept]
    return f"{map_name}: {function.name} changed, {version} runs from now on"
