"""What changed between two versions of a function, told to a person."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

from torc_nb.functions.record import Function, Ingredient

_CONTEXT = 2
_CODE = ("helper", "class")


def difference(old: Function, new: Function) -> str:
    """Tell what changed: a unified diff of each piece of source, then a line for each value.

    Parameters
    ----------
    old, new
        Two records of one function, such as the stored one and the one just captured.

    Returns
    -------
    str
        Lines without an end of line at the last; "" where nothing that is recorded differs.
    """
    lines = list(_diff(f"function {new.name}", old.source, new.source))
    if old.ingredients and new.ingredients:
        lines += _diffs(_code(old), _code(new))
    lines += _diffs(_modules(old), _modules(new))
    if old.ingredients and new.ingredients:
        lines += _changed_values(_values(old), _values(new))
    if not lines and old.digest != new.digest:
        lines.append("the meaning changed, in what the record does not show")
    return "\n".join(lines)


def _code(function: Function) -> dict[str, str]:
    """The sources of helpers and classes by what they are."""
    texts: dict[str, str] = {}
    for one in function.ingredients:
        if one.kind in _CODE and one.shown != function.source:
            name = f"{one.kind} {one.name}"
            texts[name] = texts.get(name, "") + one.shown
    return texts


def _modules(function: Function) -> dict[str, str]:
    return {f"module {module.name}": module.content.decode(errors="replace") for module in function.modules}


def _diffs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        yield from _diff(name, old.get(name, ""), new.get(name, ""))


def _diff(name: str, old: str, new: str) -> Iterator[str]:
    yield from difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, n=_CONTEXT, lineterm="")


def _values(function: Function) -> dict[tuple[str, str], list[Ingredient]]:
    values: dict[tuple[str, str], list[Ingredient]] = {}
    for one in function.ingredients:
        if one.kind not in _CODE or not one.shown:
            values.setdefault((one.kind, one.name), []).append(one)
    return values


def _changed_values(
    old: Mapping[tuple[str, str], list[Ingredient]], new: Mapping[tuple[str, str], list[Ingredient]]
) -> Iterator[str]:
    for key in sorted({*old, *new}):
        before, after = _only_in(old.get(key, []), new.get(key, [])), _only_in(new.get(key, []), old.get(key, []))
        if before or after:
            yield f"{' '.join(key)}: {_said(before, after, was=key in old, is_=key in new)}"


def _only_in(these: Iterable[Ingredient], those: Iterable[Ingredient]) -> list[str]:
    """What is shown of the ones that the others do not have."""
    digests = {one.digest for one in those}
    return [one.shown for one in these if one.digest not in digests]


def _said(before: list[str], after: list[str], *, was: bool, is_: bool) -> str:
    if not was:
        return "new"
    if not is_:
        return "no longer used"
    if before == after or not before or not after:
        return "value changed" if any(before) else "changed"
    return f"{', '.join(before)} -> {', '.join(after)}"
