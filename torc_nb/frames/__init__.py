"""Records to DataFrames, and edited ones back: rows and records come in, pandas goes out; there is no database here."""

from torc_nb.frames.changes import affected
from torc_nb.frames.decoding import decoded
from torc_nb.frames.edits import check_columns, edited, places
from torc_nb.frames.listings import attempts, failures, file_changes, jobs, records, statuses
from torc_nb.frames.plans import checks, plan
from torc_nb.frames.remembering import remembered, renew
from torc_nb.frames.summaries import summary
from torc_nb.frames.tables import labels, params, results
from torc_nb.frames.usages import job_usage
from torc_nb.frames.user_data import user_data

__all__ = [
    "affected",
    "attempts",
    "check_columns",
    "checks",
    "decoded",
    "edited",
    "failures",
    "file_changes",
    "job_usage",
    "jobs",
    "labels",
    "params",
    "places",
    "plan",
    "records",
    "remembered",
    "renew",
    "results",
    "statuses",
    "summary",
    "user_data",
]
