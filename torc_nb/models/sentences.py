"""What was done, made a sentence of its own."""

from __future__ import annotations


def sentence(text: str) -> str:
    """Begin a text with a capital, and end it with a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
