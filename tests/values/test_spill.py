"""Large values in files."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from torc_nb.errors import CannotLoad, CannotStore
from torc_nb.values import Opaque, Spill, decode, encode
from values import samples
from values.alike import assert_alike

BIG = {
    "plain": {"a": list(range(1000))},
    "bytes": (b"x" * 5000, 1),
    "array": [np.arange(1000), 2],
    "pickle": samples.Thing(list(range(1000))),
    "frame": pd.DataFrame({"a": range(1000)}),
    "many": [np.arange(60.0)] * 20,
    "both": {"text": "y" * 5000, "array": np.arange(1000)},
}


def files(folder: Path) -> list[Path]:
    """All files below."""
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def spill(tmp_path: Path) -> Spill:
    """A folder for everything above a thousand bytes."""
    return Spill(tmp_path / "files" / "values", limit=1000)


@pytest.mark.parametrize("name", BIG)
def test_large_values_go_to_files_and_come_back(name: str, spill: Spill, tmp_path: Path) -> None:
    """The text stays small, the digest is that of the value in the text, and the folder may move."""
    encoded = encode(BIG[name], spill=spill)
    assert len(encoded.text) <= 1000
    assert encoded[1:] == encode(BIG[name])[1:]
    moved = spill.folder.rename(tmp_path / "elsewhere")
    assert_alike(decode(encoded.text, spill_folder=moved), BIG[name])


def test_small_values_make_no_folder(spill: Spill) -> None:
    """Nothing is written where nothing is large."""
    encode({"a": [1, b"x", np.arange(3)]}, spill=spill)
    assert not spill.folder.exists()


def test_binary_content_is_written_as_it_is(spill: Spill) -> None:
    """An array's file is its bytes, not base64."""
    encode(np.arange(1000), spill=spill)
    (path,) = files(spill.folder)
    assert path.read_bytes() == np.arange(1000).tobytes()


def test_files_and_folders_are_private(spill: Spill) -> None:
    """Mode 0600 in 0700."""
    encode(b"x" * 5000, spill=spill)
    (path,) = files(spill.folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(spill.folder.stat().st_mode) == 0o700


def test_the_same_content_is_written_once(spill: Spill) -> None:
    """A file that is there is not written again, but is young again; one cut short by somebody is replaced."""
    text = encode(b"x" * 5000, spill=spill).text
    (path,) = files(spill.folder)
    written = path.stat().st_ino
    os.utime(path, (1.0, 1.0))
    assert encode(b"x" * 5000, spill=spill).text == text
    assert path.stat().st_ino == written
    assert path.stat().st_mtime > 1.0
    path.write_bytes(b"x")
    encode(b"x" * 5000, spill=spill)
    assert decode(text, spill_folder=spill.folder) == b"x" * 5000


def test_what_a_killed_writer_left_behind_is_in_nobodys_way(spill: Spill) -> None:
    """A half-written temporary file is never read, and the value can be written beside it."""
    text = encode(b"x" * 5000, spill=spill).text
    (path,) = files(spill.folder)
    path.rename(path.with_name(".tmpleft"))
    path.with_name(".tmpleft").write_bytes(b"x" * 10)
    with pytest.raises(CannotLoad, match="missing"):
        decode(text, spill_folder=spill.folder)
    assert encode(b"x" * 5000, spill=spill).text == text
    assert decode(text, spill_folder=spill.folder) == b"x" * 5000


def _write(folder: Path, results: Any) -> None:
    spill = Spill(folder, limit=1000)
    for round_ in range(20):
        for letter in b"ab":
            text = encode(bytes([letter]) * (100_000 + round_), spill=spill).text
            results.put(decode(text, spill_folder=folder) == bytes([letter]) * (100_000 + round_))


def test_many_processes_write_the_same_values_at_once(spill: Spill) -> None:
    """Whoever comes first, everybody reads back whole values and no temporary file stays."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    writers = [context.Process(target=_write, args=(spill.folder, results)) for _ in range(3)]
    for writer in writers:
        writer.start()
    answers = [results.get(timeout=60) for _ in range(3 * 40)]
    for writer in writers:
        writer.join()
    assert all(answers)
    assert len(files(spill.folder)) == 40


def test_a_missing_file_is_named_by_its_path(spill: Spill) -> None:
    """The error says which file, and what to do."""
    text = encode(b"x" * 5000, spill=spill).text
    (path,) = files(spill.folder)
    path.unlink()
    with pytest.raises(CannotLoad, match=f"missing: {path}"):
        decode(text, spill_folder=spill.folder)
    with pytest.raises(CannotLoad, match="no folder of large values was given"):
        decode(text)


@pytest.mark.parametrize("damage", [b"", b"y" * 5000, b"x" * 5001])
def test_a_damaged_file_is_not_believed(spill: Spill, damage: bytes) -> None:
    """Emptied, changed or grown: it is told from what was written."""
    text = encode(b"x" * 5000, spill=spill).text
    (path,) = files(spill.folder)
    path.write_bytes(damage)
    with pytest.raises(CannotLoad, match=f"damaged: {path}"):
        decode(text, spill_folder=spill.folder)


def test_a_pointer_cannot_lead_out_of_the_folder(spill: Spill, tmp_path: Path) -> None:
    """Names that are no digests are refused before anything is opened."""
    (tmp_path / "secret").write_text("{}")
    text = orjson.dumps({"$torc": "file", "file": "../../secret", "size": 2})
    with pytest.raises(CannotLoad, match="no file of ours"):
        decode(text, spill_folder=spill.folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A full or read-only disk becomes our error, with the path."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CannotStore, match="5,000 bytes cannot be written to"):
        encode(b"x" * 5000, spill=Spill(tmp_path / "file" / "values", limit=1000))


def test_a_view_reads_no_pickle_from_a_file(spill: Spill) -> None:
    """The placeholder knows the size without the file."""
    text = encode({"t": BIG["frame"]}, spill=spill).text
    (path,) = files(spill.folder)
    size = path.stat().st_size
    path.unlink()
    assert decode(text, spill_folder=spill.folder, unpickle=False) == {"t": Opaque("pandas.DataFrame", size)}
