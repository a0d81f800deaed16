"""One part of a value replaced, by its name: ``mesh``, ``solver.tolerance``, ``0``."""

from __future__ import annotations

import dataclasses
from difflib import get_close_matches
from typing import Any

from torc_nb.errors import InvalidRequest
from torc_nb.values.class_kinds import is_model
from torc_nb.values.pickles import type_name
from torc_nb.values.recast import recast


def with_part(whole: Any, name: str, new: Any, *, add: bool = False) -> Any:
    """Return a value of which one part is another; the value itself stays as it is.

    Parameters
    ----------
    name
        Of the part: a key, a field, a place in a list; dots lead into what is nested.
    add
        Whether a key that is not there is made.

    Raises
    ------
    InvalidRequest
        There is no such part, which names the nearest there is; or the part cannot be such a value.
    """
    return _with(whole, name.split("."), new, add, ())


def _with(node: Any, steps: list[str], new: Any, add: bool, above: tuple[str, ...]) -> Any:
    if type(node) is dict:
        return _with_key(node, steps, new, add, above)
    if isinstance(node, list | tuple):
        return _with_item(node, steps, new, add, above)
    if is_model(node) or (dataclasses.is_dataclass(node) and not isinstance(node, type)):
        return _with_field(node, steps, new, add, above)
    raise InvalidRequest(
        f"{'.'.join(above) or 'The input'} is a {type_name(node)}, which has no part {'.'.join(steps)} to be named; "
        "give the whole value."
    )


def _with_key(node: dict[Any, Any], steps: list[str], new: Any, add: bool, above: tuple[str, ...]) -> Any:
    by_name = {str(key): key for key in node}
    # A key may have dots of its own: the longest name that there is counts.
    for length in range(len(steps), 0, -1):
        name = ".".join(steps[:length])
        if name in by_name:
            key, rest = by_name[name], steps[length:]
            return {**node, key: _inner(node[key], rest, new, add, (*above, name))}
    if add and len(steps) == 1:
        return {**node, steps[0]: new}
    raise _unknown(steps[0], list(by_name), above, can_add=len(steps) == 1)


def _with_item(node: Any, steps: list[str], new: Any, add: bool, above: tuple[str, ...]) -> Any:
    names = list(getattr(node, "_fields", ()))
    if steps[0] in names:
        place = names.index(steps[0])
    elif steps[0].isdecimal() and int(steps[0]) < len(node):
        place = int(steps[0])
    else:
        raise _unknown(steps[0], names or [str(place) for place in range(min(len(node), 20))], above, can_add=False)
    items = list(node)
    items[place] = _inner(items[place], steps[1:], new, add, (*above, steps[0]))
    if names:
        return type(node)._make(items)
    if type(node) is list:
        return items
    return type(node)(items)


def _with_field(node: Any, steps: list[str], new: Any, add: bool, above: tuple[str, ...]) -> Any:
    name = steps[0]
    names = list(type(node).model_fields) if is_model(node) else [field.name for field in dataclasses.fields(node)]
    if name not in names:
        raise _unknown(name, names, above, can_add=False)
    item = _inner(getattr(node, name), steps[1:], new, add, (*above, name))
    try:
        if not is_model(node):
            return dataclasses.replace(node, **{name: item})
        return type(node).model_validate({**dict(node), name: item})
    except Exception as error:  # a validator of the user's raises what it likes
        raise InvalidRequest(f"{'.'.join((*above, name))} cannot be {item!r:.60}: {error}") from error


def _inner(old: Any, rest: list[str], new: Any, add: bool, path: tuple[str, ...]) -> Any:
    return _with(old, rest, new, add, path) if rest else recast(old, new, ".".join(path))


def _unknown(name: str, known: list[str], above: tuple[str, ...], *, can_add: bool) -> InvalidRequest:
    near = get_close_matches(name, known, n=1)
    meant = f" Do you mean {near[0]}?" if near else ""
    where = f" in {'.'.join(above)}" if above else ""
    adding = " To add it: --add, or add=True." if can_add else ""
    return InvalidRequest(f"There is no {name}{where}.{meant} There are: {', '.join(known) or 'none'}.{adding}")
