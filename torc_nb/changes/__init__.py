"""What differs from what ran: fingerprints compared, jobs made to run again, and the reasons told."""

from torc_nb.changes.current import Current
from torc_nb.changes.reinitialize import foreseen, reinitialized
from torc_nb.changes.report import Affected, Group, Report

__all__ = ["Affected", "Current", "Group", "Report", "foreseen", "reinitialized"]
