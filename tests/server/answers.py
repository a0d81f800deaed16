"""What a server answers, and what asks it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """A status of HTTP, the content of its JSON, and the headers."""

    code: int
    data: Any
    headers: Any


Get = Callable[..., Awaitable[Answer]]
