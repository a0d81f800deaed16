"""Parameters and results as the database keeps them: one JSON text each, with a canonical digest.

What JSON holds exactly is written as it is; everything else becomes a node tagged ``"$torc"`` (see `kind`), and what
has no kind of its own is pickled inside such a node. Large values go to files (`Spill`).
"""

from torc_nb.values.bare import bare, brief
from torc_nb.values.classes import class_name
from torc_nb.values.decode import decode, decode_many
from torc_nb.values.encode import Encoded, encode
from torc_nb.values.inside import with_part
from torc_nb.values.opaque import Opaque
from torc_nb.values.plain import MAX_DEPTH
from torc_nb.values.recast import equal, recast
from torc_nb.values.shown import shown
from torc_nb.values.spill import Spill
from torc_nb.values.typed import text_of, typed

__all__ = [
    "MAX_DEPTH",
    "Encoded",
    "Opaque",
    "Spill",
    "bare",
    "brief",
    "class_name",
    "decode",
    "decode_many",
    "encode",
    "equal",
    "recast",
    "shown",
    "text_of",
    "typed",
    "with_part",
]
