"""Text to values: the other half of `encode`."""

from __future__ import annotations

import contextlib
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from torc_nb.errors import CannotLoad, NotTrusted
from torc_nb.values import pickles
from torc_nb.values.classes import find_class
from torc_nb.values.kind import TAG
from torc_nb.values.kinds import kind_named
from torc_nb.values.opaque import Opaque
from torc_nb.values.spill import read

_TAG = TAG.encode()


def decode(
    text: str | bytes,
    *,
    spill_folder: Path | None = None,
    classes: Mapping[str, type] | None = None,
    unpickle: bool = True,
    distrust: str | None = None,
) -> object:
    """Give back the value that `encode` wrote.

    Parameters
    ----------
    text
        The stored text.
    spill_folder
        The folder of the `Spill` it was written with.
    classes
        Classes by name (`class_name`), looked up before anything is imported.
    unpickle
        False for views: nothing is unpickled or imported; an `Opaque` stands where that would be needed.
    distrust
        Why nothing may be unpickled or imported, and what to do, in whole sentences: an error says so where that would
        be needed.

    Raises
    ------
    CannotLoad
        A class or a file is missing, or the text is none of ours.
    NotTrusted
        It takes what ``distrust`` forbids.
    """
    if (TAG not in text) if isinstance(text, str) else (_TAG not in text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise CannotLoad(f"a stored value is no valid JSON: {error}") from error
    return Reader(spill_folder, classes or {}, unpickle, distrust).text(text)


def decode_many(
    texts: Sequence[bytes], *, spill_folder: Path | None = None, classes: Mapping[str, type] | None = None
) -> list[object]:
    """Give back values, each as `decode` does: those that are plain JSON together, at less than half the cost."""
    together = b",".join(texts)
    if _TAG not in together:
        with contextlib.suppress(orjson.JSONDecodeError):  # `decode` says what is wrong
            found: list[object] = orjson.loads(b"[%b]" % together)
            if len(found) == len(texts):
                return found
    return [decode(text, spill_folder=spill_folder, classes=classes) for text in texts]


class Reader:
    """Turns nodes into values."""

    def __init__(self, folder: Path | None, classes: Mapping[str, type], unpickle: bool, distrust: str | None) -> None:
        self._folder = folder
        self._classes = classes
        self._unpickle = unpickle
        self._distrust = distrust

    def text(self, text: str | bytes | bytearray) -> object:
        """Turn a stored text into the value."""
        try:
            return self.read(orjson.loads(text))
        except orjson.JSONDecodeError as error:
            raise CannotLoad(f"a stored value is no valid JSON: {error}") from error

    def read(self, node: Any) -> Any:
        """Turn what JSON made of a text, or of a part of it, into the value."""
        if type(node) is list:
            return [self.read(item) for item in node]
        if type(node) is not dict:
            return node
        if TAG not in node:
            return {key: self.read(item) for key, item in node.items()}
        return self._tagged(node)

    def _tagged(self, node: dict[str, Any]) -> object:
        match node[TAG]:
            case "file":
                return self.text(read(self._folder, {"file": node["file"], "size": node["size"]}))
            case "pickle":
                return self._pickled(node)
        kind = kind_named(node[TAG])
        if self._distrust and "class" in node and not self._is_known(node["class"]):
            module, _, name = node["class"].partition(":")
            raise NotTrusted(f"A stored value is a {name}, for which the module {module} would run. {self._distrust}")
        if not self._unpickle and "class" in node and not self._is_known(node["class"]):
            return Opaque(node["class"].partition(":")[2], len(orjson.dumps(node)))
        try:
            return kind.make({name: self._part(name, part) for name, part in node.items() if name != TAG})
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            if not self._unpickle:  # one of its parts is opaque
                return Opaque(kind.name, len(orjson.dumps(node)))
            raise CannotLoad(f"a stored {node.get('class', kind.name)} cannot be rebuilt: {error}") from error

    def _is_known(self, name: str) -> bool:
        try:
            find_class(name, self._classes, may_import=False)
        except CannotLoad:
            return False
        return True

    def _part(self, name: str, part: Any) -> Any:
        match name:
            case "class":
                return find_class(part, self._classes, may_import=self._unpickle and not self._distrust)
            case "data":
                return self._data(part)
            case "items":
                return [self.read(item) for item in part]
            case "fields":
                return {field: self.read(item) for field, item in part.items()}
        return self.read(part)

    def _data(self, part: Any) -> bytes | bytearray:
        return a2b_base64(part) if isinstance(part, str) else read(self._folder, part)

    def _pickled(self, node: dict[str, Any]) -> object:
        kind, data, python = node["type"], node["data"], node.get("python", pickles.PYTHON)
        if not self._unpickle:
            return Opaque(kind, len(data) * 3 // 4 if isinstance(data, str) else data["size"])
        if self._distrust:
            raise NotTrusted(f"A stored {kind} is a pickle, which runs what its writer chose. {self._distrust}")
        if python != pickles.PYTHON:  # its bytecode would crash this interpreter, not raise
            raise CannotLoad(f"a stored {kind} holds code of Python {python}; this is Python {pickles.PYTHON}")
        return pickles.load(self._data(data), kind, self._classes)
