"""Long lists, on SQLite and on PostgreSQL: sorted, counted, a part at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server.answers import Get
from sqlalchemy import insert, select, update

from torc_nb.api import Api, make_api
from torc_nb.api.seldom import Seldom
from torc_nb.models import JobStatus
from torc_nb.server import listings
from torc_nb.store import Database, copying, schema


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, file: Path, extension: Any) -> Iterator[Api]:
    """The database with ``sweep``: the file, or a server that it moved to."""
    where = str(file)
    if request.param == "postgresql":
        where = request.getfixturevalue("postgres_url")
        moved = Database.open(where)
        copying.move(Database.open(file), moved)
        moved.close()
        extension.databases = [where]
    opened = make_api(where)
    yield opened
    opened.database.close()


@pytest.fixture
def address(api: Api, get: Get, jp_asyncio_loop: Any) -> str:
    """Where it is found."""
    kind = "sqlite" if api.database.is_sqlite else "postgresql"
    found = jp_asyncio_loop.run_until_complete(get("databases")).data
    return f"databases/{next(one['id'] for one in found if one['kind'] == kind)}/workflows/1"


async def test_jobs_in_any_order(get: Get, address: str) -> None:
    """By what all of them have, of some statuses or of a map, a part at a time."""
    cases: dict[tuple[str, ...], tuple[list[int], int]] = {
        ("sort=id", "limit=1"): ([1], 6),
        ("sort=id", "order=desc", "limit=2"): ([6, 5], 6),
        ("sort=status", "order=desc"): ([6, 3, 1, 2, 4, 5], 6),
        ("sort=status", "map=run", "limit=2", "offset=3"): ([5, 3], 5),
        ("sort=priority", "status=completed", "offset=3"): ([5], 4),
        ("status=completed", "limit=2", "offset=1"): ([2, 4], 4),
        ("status=canceled",): ([6], 1),
    }
    for asked, expected in cases.items():
        params = dict(one.split("=") for one in asked)
        page = (await get(f"{address}/jobs", params=params)).data
        assert ([row["id"] for row in page["rows"]], page["total"]) == expected, asked


@pytest.mark.parametrize("column", ["started", "seconds", "peak_memory"])
async def test_jobs_sorted_by_figures_of_their_attempts(get: Get, address: str, api: Api, column: str) -> None:
    """In both directions; a job that has none comes last; what moved since is sorted anew."""
    figures = {1: 30, 2: 10, 3: 50, 4: 20, 5: 40}
    _measure(api, column, figures)
    ids = {}
    for order in ("asc", "desc"):
        page = (await get(f"{address}/jobs", params={"sort": column, "order": order})).data
        ids[order] = [row["id"] for row in page["rows"]]
        assert page["total"] == 6
    assert ids == {"asc": [2, 4, 1, 5, 3, 6], "desc": [3, 5, 1, 4, 2, 6]}
    page = (await get(f"{address}/jobs", params={"sort": column, "order": "desc", "limit": 2, "offset": 1})).data
    assert [(row["id"], row[column]) for row in page["rows"]] == [(5, 40), (1, 30)]
    _measure(api, column, {2: 60})
    api.disable_jobs(1, [6])
    page = (await get(f"{address}/jobs", params={"sort": column, "order": "desc"})).data
    assert [row["id"] for row in page["rows"]] == [2, 3, 5, 1, 4, 6]


async def test_failures_are_grouped_anew_only_where_jobs_failed_or_run_again(
    get: Get, address: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again and again, the database is not."""
    asked: list[int] = []
    grouped = listings.failures_of.grouped
    counting = Seldom(lambda *about: asked.append(1) or grouped(*about))
    monkeypatch.setattr(listings, "_grouped", counting)
    first = (await get(f"{address}/failures")).data
    assert (await get(f"{address}/failures", params={"limit": 1})).data["rows"] == first["rows"]
    assert len(asked) == 1
    api.rerun(1, [JobStatus.FAILED])
    while (await get(f"{address}/failures")).data["total"]:  # while jobs are left, an answer may be a little old
        await asyncio.sleep(0.05)
    assert (await get(f"{address}/failures")).code == 200
    assert len(asked) == 2


async def test_long_lists_are_counted_and_the_newest_come_first(get: Get, address: str, api: Api) -> None:
    """A page of many allocations, workers or events is any part of them, with how many there are."""
    known = {name: (await get(f"{address}/{name}")).data["total"] for name in ("workers", "allocations", "events")}
    with api.database.write() as connection:
        for table in (schema.workers, schema.allocations, schema.events):
            row = dict(connection.execute(select(table).limit(1)).mappings().one())
            del row["id"]
            connection.execute(insert(table), [row] * 250)
    for name, before in known.items():
        total = before + 250
        page = (await get(f"{address}/{name}", params={"limit": 100, "offset": 200})).data
        assert (page["total"], len(page["rows"])) == (total, total - 200 if total < 300 else 100)
        newest = (await get(f"{address}/{name}", params={"limit": 1})).data["rows"][0]["id"]
        ids = [row["id"] for row in page["rows"]]
        assert ids == sorted(ids, reverse=True)
        assert newest > ids[0]


def _measure(api: Api, column: str, figures: dict[int, int]) -> None:
    """Let attempts have begun then, taken as long, or as much memory."""
    with api.database.write() as connection:
        for job_id, figure in figures.items():
            connection.execute(update(schema.results).where(schema.results.c.job_id == job_id).values({column: figure}))
