"""Records to DataFrames: rows and records come in, pandas goes out; there is no database here."""

from torc_nb.frames.changes import affected
from torc_nb.frames.listings import attempts, failures, jobs, records, statuses
from torc_nb.frames.tables import params, results

__all__ = ["affected", "attempts", "failures", "jobs", "params", "records", "results", "statuses"]
