"""Stored values as far as they can be had without any class or unpickling: for whoever has only the database."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from torc_nb.errors import CannotLoad
from torc_nb.values.decode import Reader
from torc_nb.values.kind import TAG
from torc_nb.values.opaque import Opaque
from torc_nb.values.spill import Pointer, is_there, read

#: The longest part of a large value that is not left in its file, in characters.
LONGEST = 10_000


def bare(text: str, *, spill_folder: Path | None = None) -> Any:
    """Give back what `encode` wrote; numbers, texts, dates, arrays and the like are what they were.

    An object of a class is a dict of its fields, a named tuple a tuple, an enum its member's name. Of what is pickled a
    text tells type and size, as ``"<pandas.DataFrame, 3.2 KiB>"``.

    Parameters
    ----------
    text
        The stored text.
    spill_folder
        The folder of large values. Where a file is not there, or this is None, a text names the file.

    Raises
    ------
    CannotLoad
        A file is damaged, or the text is none of ours.
    """
    return _BareReader(spill_folder).text(text)


def brief(text: str, *, spill_folder: Path | None = None) -> Any:
    """Give back what `bare` does, but for what is long: of that, a text tells type, size and file.

    Of a large value those parts that are short are what they were: one long text among numbers hides none of them.
    """
    return _BriefReader(spill_folder).text(text)


class _BareReader(Reader):
    """Turns nodes into values that are of no class of the user's."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder, {}, False, None)

    def _tagged(self, node: dict[str, Any]) -> object:
        pointer = _pointer(node)
        if pointer is not None and (self._folder is None or not is_there(self._folder, pointer)):
            what = "value" if node[TAG] == "file" else node.get("type", node[TAG])
            return _in_file(what, pointer["size"], pointer["file"])
        if "class" not in node:
            value = super()._tagged(node)
            return repr(value) if type(value) is Opaque else value
        if "fields" in node:
            return {name: self.read(part) for name, part in node["fields"].items()}
        if "items" in node:
            return tuple(self.read(part) for part in node["items"])
        return node.get("name", node.get("value"))


class _BriefReader(_BareReader):
    """Reads of the files of large values what is short."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(None)
        self._large = folder

    def _tagged(self, node: dict[str, Any]) -> object:
        if node[TAG] == "file" and self._large is not None:
            pointer: Pointer = {"file": node["file"], "size": node["size"]}
            with suppress(CannotLoad):  # it is gone or damaged: then only its name can be told
                return self.read(_shortened(orjson.loads(read(self._large, pointer)), pointer["file"]))
        return super()._tagged(node)


def _shortened(node: Any, file: str) -> Any:
    """Put a text in the place of each part that is long."""
    if type(node) is str:
        return node if len(node) <= LONGEST else _in_file("str", len(node.encode()), file)
    if type(node) is dict and TAG not in node:
        return {name: _shortened(part, file) for name, part in node.items()}
    if type(node) is dict and "fields" in node:
        return {**node, "fields": _shortened(node["fields"], file)}
    if type(node) in (dict, list) and (size := len(orjson.dumps(node))) > LONGEST:
        return _in_file("list" if type(node) is list else node.get("type", node[TAG]), size, file)
    return node


def _in_file(what: str, size: int, file: str) -> str:
    return f"{Opaque(what, size)!r} in values/{file[:2]}/{file}"


def _pointer(node: dict[str, Any]) -> Pointer | None:
    """Return what names the file of a large value, or of its bytes."""
    found = node if node[TAG] == "file" else node.get("data")
    return {"file": found["file"], "size": found["size"]} if isinstance(found, dict) and "file" in found else None
