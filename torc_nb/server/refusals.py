"""Errors as a browser is told of them: a status of HTTP, a sentence, and the kind."""

from __future__ import annotations

from torc_nb import errors
from torc_nb.errors import TorcError
from torc_nb.server.asked import Data

#: The first that fits.
_STATUSES: tuple[tuple[type[TorcError], int], ...] = (
    (errors.NotFound, 404),
    (errors.InvalidRequest, 400),
    (errors.ReadOnly, 403),
    (errors.NotPrivate, 403),
    (errors.NotTrusted, 403),
    (errors.DatabaseTooNew, 409),
    (errors.DatabaseElsewhere, 409),
    (errors.DatabaseError, 503),
    (errors.SlurmUnavailable, 503),
    (errors.MissingPackage, 503),
    (TorcError, 409),
)

#: What is said where Jupyter's server, and not torc_nb, refuses.
_SAID = {
    400: "This is not what the address takes. Reload the page.",
    403: "Jupyter's server lets only those in who are logged in, from its own page. Reload the page, and log in.",
    404: "There is nothing at this address. Is JupyterLab's part of torc_nb older than the server's? Reload the page.",
    405: "This address does not take that method.",
}
_ELSE = "Something went wrong here that should not have; the log of Jupyter's server has the traceback."


def status_of(error: TorcError) -> int:
    """Return the status of HTTP that says the same as an error."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def told(error: TorcError) -> Data:
    """Return an error as a browser is told of it."""
    return _refusal(str(error), type(error).__name__)


def of_server(status: int, reason: str) -> Data:
    """Return a refusal of Jupyter's server, or what was foreseen by nobody, in the same form."""
    return _refusal(_SAID.get(status, _ELSE), reason.title().replace(" ", ""))


def _refusal(message: str, kind: str) -> Data:
    return {"error": {"message": message, "kind": kind}}
