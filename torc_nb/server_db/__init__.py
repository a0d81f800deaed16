"""The private PostgreSQL: made, kept by one process at a time, started again if need be, shared, backed up."""

from torc_nb.server_db.backups import copies, make_backup, restore
from torc_nb.server_db.growth import per_day
from torc_nb.server_db.lease import Lease
from torc_nb.server_db.settings import Settings, default_backups
from torc_nb.server_db.sharing import group_of, share, unshare
from torc_nb.server_db.slurm_job import awaited_job
from torc_nb.server_db.starting import revive, start, stop

__all__ = [
    "Lease",
    "Settings",
    "awaited_job",
    "copies",
    "default_backups",
    "group_of",
    "make_backup",
    "per_day",
    "restore",
    "revive",
    "share",
    "start",
    "stop",
    "unshare",
]
