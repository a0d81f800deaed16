"""Names that users and logs wrote, as they can be shown."""

from __future__ import annotations


def printable(text: str) -> str:
    """Make one harmless line of a name: no line breaks, no control characters."""
    return "".join(char if char.isprintable() else "�" for char in " ".join(text.split()))
