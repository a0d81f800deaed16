"""Which databases a server shows: no request names one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torc_nb.api import places
from torc_nb.errors import InvalidRequest


def addresses(configured: Iterable[str], folder: Path) -> list[str]:
    """Return what names the databases: the configured ones, the environment's, the folder's, those the user opened."""
    near = [_of_environment(), places.nearest(folder)]
    return list(dict.fromkeys([*configured, *(one for one in near if one is not None), *places.remembered()]))


def _of_environment() -> str | None:
    try:
        return places.of_environment()
    except InvalidRequest:  # the address of torc's web service, which kernels complain of
        return None
