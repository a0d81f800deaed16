"""Many rows in one statement come back as they went in, on both databases."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select
from store.scene import Scene, completion, row

from torc_nb.store import Database, bulk, results, schema

_COLUMNS = tuple(column.name for column in schema.results.c)
TEXTS = ["", "plain", "ünï 漢字 🦆", '{"x": "\\u0000"}', "'quoted' \"twice\" \\n \t\n", "x" * 2**20, None]


def _result(job_id: int, text: str | None) -> tuple[object, ...]:
    ended = (job_id, 1, 1, 5, 0, False, 1, 1, b"\x00\xff", 1.5, 0.1, 0.1, 2**40)
    return (*ended, text, None, text, None, 2**33, 0, 0, text)


def test_rows_come_back(database: Database) -> None:
    """None, unicode, escaped zeros, large texts, large integers and bytes."""
    rows = [_result(i, text) for i, text in enumerate(TEXTS)]
    with database.write() as connection:
        bulk.insert_rows(connection, schema.results, _COLUMNS, rows)
        bulk.insert_rows(connection, schema.results, _COLUMNS, [])
    with database.read() as connection:
        found = connection.execute(select(schema.results).order_by(schema.results.c.job_id)).all()
    assert [tuple(row) for row in found] == rows


def test_columns_in_another_order_are_not_mixed_up(database: Database) -> None:
    """On SQLite a caller's mistake is noticed; COPY names its columns in the order given."""
    write = partial(bulk.insert_rows, table=schema.sequences, columns=("next", "name"), rows=[(1, "x")])
    with database.write() as connection:
        if database.is_sqlite:
            with pytest.raises(AssertionError, match="in the table's order"):
                write(connection)
        else:
            write(connection)
            sequences = schema.sequences
            assert connection.scalar(select(sequences.c.next).where(sequences.c.name == "x")) == 1


def test_updates_reach_the_rows_that_are_still_as_expected(database: Database) -> None:
    """Rows moved by somebody else are left alone, and those found are named."""
    keys, columns = ("job_id", "attempt"), ("value", "error_type", "error")
    with database.write() as connection:
        bulk.insert_rows(connection, schema.results, _COLUMNS, [_result(i, "old") for i in range(5)])
        assert bulk.update_rows(connection, schema.results, keys, columns, []) == set()
        changes = [("new", None, TEXTS[3], 0, 1), (None, "E", "y" * 2**20, 1, 1)]
        assert bulk.update_rows(connection, schema.results, keys, columns, changes) == {0, 1}
        moved = [("lost", None, None, 2, 9), ("new", None, None, 3, 1), ("lost", None, None, 99, 1)]
        assert bulk.update_rows(connection, schema.results, keys, columns, moved) == {3}
    table = schema.results
    with database.read() as connection:
        chosen = select(table.c.value, table.c.error_type, table.c.error).order_by(table.c.job_id)
        found = [tuple(row) for row in connection.execute(chosen)]
    assert found == [
        ("new", None, TEXTS[3]),
        (None, "E", "y" * 2**20),
        ("old", None, "old"),
        ("new", None, None),
        ("old", None, "old"),
    ]


@pytest.mark.parametrize("text", [text for text in TEXTS if text is not None])
def test_parameters_and_results_survive_the_whole_way(scene: Scene, text: str) -> None:
    """From map to claim to completion to result, any text is itself."""
    outcome = scene.declare([row(text, key="k" + text[:100])])
    worker = scene.worker()
    (claim,) = scene.claim(worker)
    assert claim.params == text
    scene.exchange(worker, completions=[completion(claim, value=text, traceback=text)])
    ((_, key, _, params, value),) = list(results.of_map(scene.database, scene.id, outcome.map_id))
    assert (key, params, value) == ("k" + text[:100], text, text)
    assert results.effective(scene.database, claim.job_id).traceback == text
