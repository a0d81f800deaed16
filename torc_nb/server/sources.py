"""Which databases a server shows: no request names one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from torc_nb.api import places
from torc_nb.errors import InvalidRequest


class Source(NamedTuple):
    """What names a database, and whether that is the server's configuration: then it is to be there."""

    address: str
    is_configured: bool


def sources(configured: Iterable[str], folder: Path) -> list[Source]:
    """Return the configured ones, the environment's, the folder's, those the user opened; each address once."""
    near = [_of_environment(), places.nearest(folder)]
    expected = list(dict.fromkeys(configured))
    others = dict.fromkeys([*(one for one in near if one is not None), *places.remembered()])
    return [
        *(Source(address, True) for address in expected),
        *(Source(address, False) for address in others if address not in expected),
    ]


def _of_environment() -> str | None:
    try:
        return places.of_environment()
    except InvalidRequest:  # the address of torc's web service, which kernels complain of
        return None
