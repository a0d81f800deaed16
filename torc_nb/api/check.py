"""One thing that was looked at before anything waits in a long queue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        What it is.
    ok : bool or None
        Whether it is as it has to be; None where it could not be looked at, or does not matter here.
    seen : str
        What was seen.
    advice : str
        What to do, or to type, where it is not; else "".
    """

    what: str
    ok: bool | None
    seen: str
    advice: str = ""
