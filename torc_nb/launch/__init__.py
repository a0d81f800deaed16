"""Starting workers through submitit: allocations on a cluster, and processes on this machine.

Nothing here knows the database: what was started is returned, and `api` writes it down.
"""

from torc_nb.launch.allocations import array_size, left_out, schedule, would_start
from torc_nb.launch.launched import Chain, Launched, last_words
from torc_nb.launch.local import start_local, stop_local
from torc_nb.launch.profiles import profiles

__all__ = [
    "Chain",
    "Launched",
    "array_size",
    "last_words",
    "left_out",
    "profiles",
    "schedule",
    "start_local",
    "stop_local",
    "would_start",
]
