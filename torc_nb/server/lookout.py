"""One database as the list of all workflows sees it: looked into in passing, neither made, migrated nor started."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import Executor

from torc_nb.api.glimpses import Glimpse, lasting
from torc_nb.errors import TorcError
from torc_nb.models.addresses import without_password
from torc_nb.server.sources import Source
from torc_nb.store.standings import Standing

_DRIVER_MISSING = "PostgreSQL's driver is not installed where Jupyter's server runs: pip install 'torc-nb[postgres]'."


class Lookout:
    """What is known of a database, and what was last seen of its workflows.

    Attributes
    ----------
    url : str
        What names it.
    place : str
        Where it is, without a password.
    kind : str
        ``sqlite`` or ``postgresql``.
    trouble : str or None
        Why it did not answer.
    is_listed : bool
        Whether there is anything, or is to be: one that the user opened once may be gone, and is left out then.
    standings : list of Standing
        Its workflows when it last answered.
    """

    def __init__(self, source: Source) -> None:
        address, self._is_configured = source
        self.url = address
        self.place = without_password(address)
        self.kind = "postgresql" if address.startswith("postgres") else "sqlite"
        self.trouble: str | None = None
        self.is_listed = True
        self.standings: list[Standing] = []
        self._glimpse: Glimpse | None = None
        self._looking: asyncio.Future[None] | None = None

    @property
    def id(self) -> str:
        """A short name for requests: the same wherever and whenever the same database is meant."""
        return hashlib.blake2b(without_password(self.url).encode("utf-8", "replace"), digest_size=6).hexdigest()

    def look(self, threads: Executor) -> asyncio.Future[None]:
        """Look again in another thread, or wait for the look that is under way."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().run_in_executor(threads, self._look)
        return self._looking

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way."""
        return self._looking is not None and not self._looking.done()

    def _missing(self) -> str:
        """Say of what is not there what makes it, or takes its name away."""
        made = f'Workflow("sweep", db="{self.place}")' if self.kind == "sqlite" else "%torc db start"
        return (
            f"It is named by c.TorcNb.databases in Jupyter's configuration, and is not there. In a notebook, `{made}` "
            "makes it; if it is elsewhere, or gone for good, change the configuration and restart Jupyter's server."
        )

    def _look(self) -> None:
        try:
            if self._glimpse is None:
                self._glimpse = lasting(self.url)
                self.url, self.place, self.kind = self._glimpse.url, self._glimpse.place, self._glimpse.kind
            is_there = self._glimpse.is_there
            self.is_listed = is_there or self._is_configured
            self.standings = self._glimpse.standings() if is_there else []
            self.trouble = None if is_there else self._glimpse.moved or self._missing()
        except TorcError as error:
            self.trouble = str(error)
        except ModuleNotFoundError:
            self.trouble = _DRIVER_MISSING
        except Exception as error:  # a file may hold anything; one broken database must not hide the others
            self.trouble = f"{self.place} cannot be read: {type(error).__name__}."
