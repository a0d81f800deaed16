"""Kinds of numpy. Imported only once a value is of numpy, or a stored one says so."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from torc_nb.values.kind import Kind, Parts


def kind_of(value: object) -> Kind | None:
    """The kind of a scalar or of a plain array; None for objects inside, subclasses and what else numpy has."""
    if isinstance(value, np.generic):
        if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8 and type(value) is value.dtype.type:
            return NUMBER
        if type(value) is np.str_:
            return TEXT
        if type(value) is np.bytes_:
            return BYTES
        return SCALAR if _describable(value.dtype) and type(value) is value.dtype.type else None
    if type(value) is np.ndarray and _describable(value.dtype):
        return ARRAY
    return None


def content(value: object) -> Parts | None:
    """The parts that make two pickled values of numpy equal, where their own pickling does not tell."""
    if isinstance(value, np.ma.MaskedArray):
        return {"class": type(value), "array": value.data, "mask": np.ma.getmaskarray(value)}
    if not isinstance(value, np.ndarray):
        return None
    if type(value) is not np.ndarray:
        own = type(value).__reduce__ is not np.ndarray.__reduce__
        return None if own else {"class": type(value), "array": value.view(np.ndarray)}
    if value.dtype.hasobject or value.dtype.kind == "T":
        return {"dtype": str(value.dtype), "shape": list(value.shape), "items": value.ravel().tolist()}
    return None


def _describable(dtype: np.dtype[Any]) -> bool:
    """Whether the npy format's description of a dtype is all of it (titles, metadata and objects are not in it)."""
    if dtype.hasobject or dtype.metadata is not None or dtype.kind == "T":
        return False
    try:
        described = _dtype(_dtype_text(dtype))
    except (ValueError, TypeError):
        return False
    inner = (field[0].base for field in (dtype.fields or {}).values())
    return described == dtype and described.type is dtype.type and all(map(_describable, inner))


def _dtype_text(dtype: np.dtype[Any]) -> str:
    return dtype.str if dtype.names is None else repr(np.lib.format.dtype_to_descr(dtype))


def _dtype(text: str) -> np.dtype[Any]:
    described: Any = ast.literal_eval(text) if text[0] in "[({" else text
    return np.lib.format.descr_to_dtype(described)


def _array_parts(value: np.ndarray[Any, Any]) -> Parts:
    fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    return {
        "dtype": _dtype_text(value.dtype),
        "shape": list(value.shape),
        "order": "F" if fortran else "C",
        "data": _bytes(value.T if fortran else value),
    }


def _bytes(value: np.ndarray[Any, Any]) -> bytes | memoryview:
    """The array's bytes in C order, not copied where it lies so in memory."""
    if value.size == 0 or value.dtype.itemsize == 0:
        return b""
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8).data


def _make_array(parts: Parts) -> np.ndarray[Any, Any]:
    data = parts["data"]
    buffer = data if isinstance(data, bytearray) else bytearray(data)  # an array that can be written to
    return np.ndarray(tuple(parts["shape"]), _dtype(parts["dtype"]), buffer, order=parts["order"])


def _array_content(value: np.ndarray[Any, Any]) -> Parts:
    """Shape, dtype and content, whatever the order in memory, the padding, and the bits of a NaN."""
    parts: Parts = {"dtype": _dtype_text(value.dtype), "shape": list(value.shape)}
    if value.dtype.names is not None:
        return {**parts, "fields": {name: value[name] for name in value.dtype.names}}
    if value.dtype.char in "gG":  # long doubles have bytes that mean nothing
        return {**parts, "items": [repr(item) for item in value.ravel()]}
    return {**parts, "data": _bytes(_one_nan(value))}


def _one_nan(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if value.dtype.kind == "c":
        value = np.ascontiguousarray(value)
        value = value.view(value.real.dtype) if value.ndim else value.reshape(1).view(value.real.dtype)
    if value.dtype.kind != "f":
        return value
    odd = np.isnan(value)
    return np.where(odd, value.dtype.type(np.nan), value).astype(value.dtype) if odd.any() else value


def _scalar_parts(value: np.generic) -> Parts:
    return {"dtype": _dtype_text(value.dtype), "data": _bytes(np.asarray(value))}


def _make_scalar(parts: Parts) -> Any:
    return _make_array({**parts, "shape": (), "order": "C"})[()]


NUMBER = Kind(
    "numpy.number",
    lambda value: {"dtype": value.dtype.name, "value": value.item()},
    lambda parts: np.dtype(parts["dtype"]).type(parts["value"]),
)
# Not by their memory: as scalars they keep trailing NULs, which as arrays they lose.
TEXT = Kind("numpy.str", lambda value: {"text": str(value)}, lambda parts: np.str_(parts["text"]))
BYTES = Kind("numpy.bytes", lambda value: {"data": bytes(value)}, lambda parts: np.bytes_(parts["data"]))
SCALAR = Kind("numpy.scalar", _scalar_parts, _make_scalar, lambda value: _array_content(np.asarray(value)))
ARRAY = Kind("numpy.array", _array_parts, _make_array, _array_content)

KINDS = (NUMBER, TEXT, BYTES, SCALAR, ARRAY)
