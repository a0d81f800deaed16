"""One colour for each job status, in all views and figures.

The strong ones are those of Okabe and Ito, told apart with any colour vision, on white and on black; what does not move
is grey.
"""

from __future__ import annotations

from torc_nb.models.statuses import JobStatus

COLOURS: dict[JobStatus, str] = {
    JobStatus.COMPLETED: "#009e73",
    JobStatus.FAILED: "#d55e00",
    JobStatus.TERMINATED: "#e69f00",
    JobStatus.CANCELED: "#cc79a7",
    JobStatus.RUNNING: "#56b4e9",
    JobStatus.PENDING: "#0072b2",
    JobStatus.READY: "#9a9a9a",
    JobStatus.BLOCKED: "#7a7a7a",
    JobStatus.UNINITIALIZED: "#b8b8b8",
    JobStatus.DISABLED: "#5e5e5e",
}

#: The order in which statuses stand in a bar: what is done, what is being done, what waits.
ORDER = tuple(COLOURS)

#: What figures are drawn with besides: letters and marks, what is less important, grid and empty ground, the paper; and
#: what is an amount and no status.
INK, QUIET, GROUND, PAPER = "#222222", "#6b6b6b", "#ececec", "#ffffff"
AMOUNT = "#6d83a3"
