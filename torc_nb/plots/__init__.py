"""Pictures of a workflow: what the API tells comes in, a matplotlib figure goes out; there is no database here."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from torc_nb import errors

if TYPE_CHECKING:
    from torc_nb.plots.consumption import resources
    from torc_nb.plots.distributions import durations
    from torc_nb.plots.graphs import graph
    from torc_nb.plots.timelines import timeline

__all__ = ["durations", "graph", "resources", "timeline"]

#: Where each is; imported when first asked for, as matplotlib is not everybody's.
_HOMES = {
    "durations": "torc_nb.plots.distributions",
    "graph": "torc_nb.plots.graphs",
    "resources": "torc_nb.plots.consumption",
    "timeline": "torc_nb.plots.timelines",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec("matplotlib") is None:
        raise errors.MissingPackage(
            "matplotlib, which draws, is not installed: pip install 'torc-nb[plots]' brings it."
        )
    return getattr(import_module(_HOMES[name]), name)
