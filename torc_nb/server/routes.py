"""The addresses of the panel, and what answers each."""

from __future__ import annotations

from typing import Any

from torc_nb.server import jobs, listings, overview, workflow
from torc_nb.server.databases import Databases
from torc_nb.server.requests import Acts, Nowhere, OfWorkflow, Overview

_ROOT = "/torc-nb"
_WORKFLOW = rf"{_ROOT}/databases/([^/]+)/workflows/([^/]+)"

#: What can be read of a workflow, by the end of its address.
_OF_WORKFLOW = {
    "": workflow.stands,
    "/maps": workflow.maps,
    "/jobs": jobs.jobs,
    "/results": listings.results,
    "/failures": listings.failures,
    "/workers": listings.workers,
    "/allocations": listings.allocations,
    "/events": listings.events,
    "/jobs/([^/]+)/logs": listings.logs,
}


def routes(databases: Databases) -> list[tuple[str, type, dict[str, Any]]]:
    """Return the addresses, as regular expressions, with what answers."""
    known: dict[str, Any] = {"databases": databases}
    return [
        (rf"{_ROOT}/databases", Overview, known | {"listed": overview.databases}),
        (rf"{_ROOT}/workflows", Overview, known | {"listed": overview.workflows}),
        *((rf"{_WORKFLOW}{end}", OfWorkflow, known | {"question": question}) for end, question in _OF_WORKFLOW.items()),
        (rf"{_WORKFLOW}/actions", Acts, known),
        (rf"{_ROOT}(/.*)?", Nowhere, known),
    ]
