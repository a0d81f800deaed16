"""Lists of values to Arrow's arrays: of the type that fits all of them, else as texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

#: What a column holds: a type of Arrow's; or MIXED, values that are written as texts.
Kind: TypeAlias = "pa.DataType | str"
MIXED = "mixed"

_OF_JSON = (str, bool, int, float, list, tuple, dict)


def kind_of(values: Sequence[Any]) -> Kind:
    """Return the type that fits values; None is a missing one, NaN is a number."""
    import pyarrow as pa

    try:
        found = pa.array(values, from_pandas=False).type
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
        return MIXED
    return found if _is_common(found) else MIXED


def joined(one: Kind | None, other: Kind) -> Kind:
    """Return the type that fits values of two."""
    import pyarrow as pa

    if one is None or one == other or (one != MIXED and pa.types.is_null(one)):
        return other
    if other != MIXED and pa.types.is_null(other):
        return one
    if MIXED in (one, other) or not (_is_number(one) and _is_number(other)):
        return MIXED
    if pa.types.is_nested(one) != pa.types.is_nested(other):
        return MIXED
    schemas = [pa.schema([("values", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return MIXED


@cache
def provenance_kinds() -> dict[str, Kind]:
    """Return the types of what is known of each attempt, in the order of the columns; the same in an empty file."""
    import pyarrow as pa

    number, whole, text = pa.float64(), pa.int64(), pa.string()
    return {
        "id": whole, "status": text, "run_id": whole, "attempt": whole, "return_code": whole, "code": text,
        "host": text, "started": pa.timestamp("us", tz="UTC"), "seconds": number, "cpu_seconds": number,
        "peak_memory": whole, "error_type": text, "error": text,
    }  # fmt: skip


def schema(names: Sequence[str], kinds: Sequence[Kind | None]) -> pa.Schema:
    """Return the columns of a file; one without values holds texts."""
    import pyarrow as pa

    def stored(kind: Kind | None) -> pa.DataType:
        return pa.string() if kind is None or kind == MIXED or pa.types.is_null(kind) else kind

    return pa.schema(list(zip(names, map(stored, kinds), strict=True)))


def array(values: Sequence[Any], kind: Kind | None) -> pa.Array:
    """Return values as an array of a type that fits them."""
    import pyarrow as pa

    if kind is None or kind == MIXED or pa.types.is_null(kind):
        return pa.array([as_text(value) for value in values], pa.string())
    try:
        return pa.array(values, kind, from_pandas=False)
    except pa.ArrowException:  # among numbers with a point, a whole one of more digits than these have
        return pa.array(values, from_pandas=False).cast(kind, safe=False)


def words(kind: pa.DataType) -> str:
    """Say what a type is."""
    import pyarrow as pa

    return f"list of {words(kind.value_type)}" if pa.types.is_list(kind) else str(kind)


def as_text(value: Any) -> str | None:
    """Return a text as it is, anything else as JSON has it, or as Python shows it."""
    if value is None:
        return None
    plain = value if isinstance(value, _OF_JSON) else _plain(value)
    try:
        text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError):  # keys that are no texts
        text = repr(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return repr(value) if isinstance(value, bytes | bytearray) else str(value)


def _is_common(kind: pa.DataType) -> bool:
    """Whether whoever reads Parquet knows the type."""
    import pyarrow as pa

    types = pa.types
    if types.is_list(kind):
        return _is_common(kind.value_type)
    known = (
        types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_string, types.is_binary,
        types.is_timestamp, types.is_date, types.is_time, types.is_duration,
    )  # fmt: skip
    return any(is_(kind) for is_ in known)


def _is_number(kind: Any) -> bool:
    """Whether it is a number, or a list of numbers or of nothing yet."""
    import pyarrow as pa

    while pa.types.is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))
