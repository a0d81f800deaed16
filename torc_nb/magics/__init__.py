"""``%torc`` and ``%%torc``: the commands in a notebook, with completion and help."""

from torc_nb.magics.loading import load

__all__ = ["load"]
