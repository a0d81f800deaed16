"""How a callable may be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torc_nb.functions.record import Signature


def signature_of(call: Callable[..., Any]) -> Signature | None:
    """Read a callable's parameters; None where Python cannot tell (some functions written in C)."""
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None
    only, either, many, keyword, keywords = (
        [p for p in parameters if p.kind is kind]
        for kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.KEYWORD_ONLY,
            inspect.Parameter.VAR_KEYWORD,
        )
    )
    return Signature(
        positional=tuple(p.name for p in [*only, *either]),
        positional_only=len(only),
        required=sum(p.default is p.empty for p in [*only, *either]),
        keyword_only=tuple(p.name for p in keyword),
        required_keywords=tuple(p.name for p in keyword if p.default is p.empty),
        many_positional=bool(many),
        many_keywords=bool(keywords),
    )
