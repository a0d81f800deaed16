"""What a view shows in the place of a value that it may not unpickle."""

from __future__ import annotations

from typing import NamedTuple, NoReturn


class Opaque(NamedTuple):
    """A stored value left unread.

    Parameters
    ----------
    type
        Name of the value's type, e.g. ``"pandas.DataFrame"``.
    size
        How many bytes are stored.
    """

    type: str
    size: int

    def __repr__(self) -> str:
        return f"<{self.type}, {_readable(self.size)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a placeholder, not the value")  # stored again, it would replace the value


def _readable(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024  # type: ignore[assignment]
    return f"{size:.1f} GiB"
