"""The code of maps as it now is in this process, found by where it came from."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

from torc_nb.api import origins
from torc_nb.changes import Current
from torc_nb.functions import Function
from torc_nb.functions.submitted import SUBMITTED
from torc_nb.store import Database, functions, jobs, trust, workflows


def code_now(
    database: Database, workflow_id: int, maps: Iterable[Any], otherwise: str, *, has_code: bool = True
) -> tuple[Current, tuple[str, ...]]:
    """Find the functions of maps, and of their postprocess jobs, as they now are; says which are not here.

    Parameters
    ----------
    otherwise : str
        What becomes of those that are not here.
    has_code : bool, default True
        Whether any can be here; if not, none is looked for, and no module imported.

    Raises
    ------
    CannotCapture
        A function is here, but cannot travel as it is now.
    NotTrusted
        It is another user's workflow, which names modules to import.
    """
    maps = [map_ for map_ in maps if map_.call != SUBMITTED]  # these calls keep the code that they were made with
    if has_code and any("module" in origin for map_ in maps for origin in map_.shape.get("origin", {}).values()):
        workflow = workflows.get(database, workflow_id)
        trust.check(database, workflow, "To compare its code, modules that it names would run")
    names = functions.names(database, workflow_id)
    of_maps: dict[int, Function] = {}
    of_jobs: dict[int, Function] = {}
    absent = []
    for map_ in maps:
        found = [("function", of_maps, map_.id, map_.function_id)]
        if map_.postprocess_id is not None:
            reducer = jobs.get(database, map_.postprocess_id).function_id
            found.append(("postprocess", of_jobs, map_.postprocess_id, reducer))
        for role, functions_found, id_, function_id in found:
            origin = map_.shape.get("origin", {}).get(role, {})
            function = origins.found_again(origin) if has_code else None
            if function is None and not origin and hasattr(builtins, names[function_id]):
                continue  # `sum` is what it was
            if function is None:
                absent.append(f"{map_.name}: {names[function_id]} is not defined here, so {otherwise}")
            else:
                functions_found[id_] = function
    return Current(of_maps, of_jobs), tuple(absent)
