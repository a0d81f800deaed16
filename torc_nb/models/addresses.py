"""Addresses of databases as they may be shown: without passwords."""

from __future__ import annotations

import re

#: From a user's name to the last @: a password may hold one although it should not, and whatever else ends an address.
_IN_FRONT = re.compile(r"(?<=://)([^:/@]*):.*@")
#: As psycopg takes them too.
_AS_OPTION = re.compile(r"(?<=[?&])([^=&\s]*password)=[^&\s]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """Return a database's address with ``***`` in the place of each password; it may be misspelled."""
    return _AS_OPTION.sub(r"\1=***", _IN_FRONT.sub(r"\1:***@", url))
