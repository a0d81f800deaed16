"""What can be read through Jupyter's server: each address, with the rows of a workflow that ran."""

from __future__ import annotations

from pathlib import Path

import pytest
from server.answers import Get

from torc_nb.api import Api


async def test_databases(get: Get, file: Path) -> None:
    """The database of the server's folder is found, and told without anything secret."""
    answer = await get("databases")
    assert answer.code == 200
    (found,) = answer.data
    assert found == {"id": found["id"], "place": str(file), "kind": "sqlite", "trouble": None}
    assert (await get("databases")).data == answer.data


async def test_workflows(get: Get, file: Path) -> None:
    """All workflows, each with its numbers."""
    (found,) = (await get("workflows")).data
    assert (found["id"], found["name"], found["state"]) == (1, "sweep", "started")
    assert found["statuses"] == {"completed": 4, "failed": 1, "canceled": 1}
    assert (found["total"], found["finished"], found["is_done"], found["trouble"]) == (6, 6, True, None)


async def test_what_the_browser_has_is_not_sent_again(get: Get, address: str) -> None:
    """An ETag, and 304 as long as nothing changed: for the list and for what is in it."""
    for asked in ("workflows", "databases", address, f"{address}/jobs"):
        first = await get(asked)
        again = await get(asked, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.code, again.data) == (304, None)


async def test_a_workflow(get: Get, address: str) -> None:
    """What the live view of a notebook shows, and what a panel needs besides."""
    found = (await get(address)).data
    assert (found["id"], found["name"], found["total"], found["is_done"]) == (1, "sweep", 6, True)
    assert found["jobs"]["said"] == ["4 of 6 completed"]
    assert found["failures"]["rows"][0]["cause"] == "ValueError"
    assert found["workers"] == {}
    assert found["read_only"] is False
    assert {name for name, _, _ in found["legend"]} >= {"completed", "running", "failed"}


async def test_maps(get: Get, address: str) -> None:
    """Each map with its function, its version and its numbers."""
    found = (await get(f"{address}/maps")).data
    assert (found["total"], found["offset"]) == (1, 0)
    (row,) = found["rows"]
    assert (row["name"], row["function"], row["version"]) == ("run", "simulation.run", "v1")
    assert (row["total"], row["statuses"], row["postprocess"]) == (5, {"completed": 4, "failed": 1}, 6)


async def test_jobs(get: Get, address: str) -> None:
    """Of all, of a status, of a map; a page at a time, with how many there are in all."""
    found = (await get(f"{address}/jobs")).data
    assert ([row["id"] for row in found["rows"]], found["total"]) == ([1, 2, 3, 4, 5, 6], 6)
    third = found["rows"][2]
    assert (third["status"], third["command"], third["map"]) == ("failed", "simulation.run", "run")
    assert third["note"] == "ValueError: bad two"
    assert third["started"] > 1e9
    assert third["seconds"] > 0
    assert third["peak_memory"] > 0
    assert (found["rows"][5]["started"], found["rows"][5]["seconds"]) == (None, None)
    cases = {
        "status=failed": ([3], 1),
        "status=failed,canceled": ([3, 6], 2),
        "status=failed&status=completed": ([1, 2, 3, 4, 5], 5),
        "status=running": ([], 0),
        "map=run": ([1, 2, 3, 4, 5], 5),
        "map=1&status=completed": ([1, 2, 4, 5], 4),
        "limit=2&offset=1": ([2, 3], 6),
        "limit=1000&offset=6": ([], 6),
            }
    for asked, expected in cases.items():
        page = (await get(f"{address}/jobs", params=_pairs(asked))).data
        assert ([row["id"] for row in page["rows"]], page["total"]) == expected, asked


async def test_results(get: Get, address: str) -> None:
    """Parameters and results side by side; of a failed one what went wrong."""
    found = (await get(f"{address}/results", params={"map": "run", "offset": 1, "limit": 2})).data
    second, third = found["rows"]
    assert (second["job"], second["params"], second["status"]) == (2, {"a": 1}, "completed")
    assert second["result"] == {"y": 2, "place": "/projects/é"}
    assert (third["result"], third["error"]) == (None, "ValueError: bad two")
    assert found["total"] == 5


async def test_results_come_in_the_order_of_the_last_call(get: Get, address: str, api: Api, file: Path) -> None:
    """As in a notebook: what was left out of it is left out here."""
    rows = [{"a": a} for a in (4, 0, 3)]
    api.map_function(1, ("simulation", "run"), rows, module_directory=file.parents[1])
    found = (await get(f"{address}/results", params={"map": "run", "limit": 2})).data
    assert ([row["params"]["a"] for row in found["rows"]], found["total"]) == ([4, 0], 3)


async def test_failures(get: Get, address: str) -> None:
    """Grouped, with an example and its traceback."""
    found = (await get(f"{address}/failures")).data
    (row,) = found["rows"]
    assert (row["exception"], row["count"], row["job"], row["message"]) == ("ValueError", 1, 3, "bad two")
    assert 'raise ValueError("bad two")' in row["traceback"]
    assert (found["total"], (await get(f"{address}/failures", params={"offset": 1})).data["rows"]) == (1, [])


async def test_workers_allocations_and_events(get: Get, address: str) -> None:
    """Records, a page at a time; events with the newest first."""
    workers = (await get(f"{address}/workers")).data
    assert [(one["num_cpus"], one["state"]) for one in workers["rows"]] == [(1, "left")]
    allocations = (await get(f"{address}/allocations")).data
    assert [one["kind"] for one in allocations["rows"]] == ["local"]
    found = (await get(f"{address}/events")).data
    events = found["rows"]
    assert (workers["total"], allocations["total"], found["total"]) == (1, 1, len(events))
    assert events[-1]["kind"] == "workflow created"
    assert [one["id"] for one in events] == sorted((one["id"] for one in events), reverse=True)
    assert (await get(f"{address}/events", params={"limit": 1})).data["rows"] == events[:1]


async def test_logs(get: Get, address: str) -> None:
    """What a job printed, and its traceback; of one that never ran, the sentence that says so."""
    found = (await get(f"{address}/jobs/3/logs")).data
    assert (found["job"], found["attempt"], found["stdout"]) == (3, 1, "hello 2\n")
    assert "bad two" in found["traceback"]
    refused = await get(f"{address}/jobs/6/logs")
    assert (refused.code, refused.data["error"]["kind"]) == (404, "NotFound")
    assert "has not run yet" in refused.data["error"]["message"]


@pytest.mark.parametrize("asked", ["limit=0", "limit=1001", "limit=ten", "offset=-1", "limit=٣", "sort=name",
                                   "order=up", "status=broken", "offset=99999999999999999999"])  # fmt: skip
async def test_what_makes_no_sense_is_refused(get: Get, address: str, asked: str) -> None:
    """With a sentence, before anything is asked of the database."""
    refused = await get(f"{address}/jobs", params=_pairs(asked))
    assert (refused.code, refused.data["error"]["kind"]) == (400, "InvalidRequest")
    assert len(refused.data["error"]["message"]) > 20


async def test_results_need_a_map(get: Get, address: str) -> None:
    """Which one is not guessed, and another's name is answered with those there are."""
    assert (await get(f"{address}/results")).code == 400
    refused = await get(f"{address}/results", params={"map": "walk"})
    assert (refused.code, refused.data["error"]["message"]) == (
        404,
        "There is no map 'walk' in this workflow; its maps: 'run'.",
    )


def _pairs(asked: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (pair.partition("=") for pair in asked.split("&"))]
