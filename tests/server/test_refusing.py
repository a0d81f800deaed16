"""What Jupyter's server does not let through, and what a database holds that means harm."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from server.answers import Get
from sqlalchemy import insert, update

from torc_nb.api import Api
from torc_nb.models import WorkflowModel
from torc_nb.server.routes import routes
from torc_nb.store import schema

#: The ends of all addresses of a workflow that can be read.
READ = ("", "/maps", "/jobs", "/results?map=run", "/failures", "/workers", "/allocations", "/events", "/jobs/1/logs")


async def _raw(http_server_client: Any, base: str, address: str, **options: Any) -> Any:
    """Send an address as it stands, with nothing that says who asks."""
    return await http_server_client.fetch(f"{base}torc-nb/{address}", raise_error=False, **options)


async def test_who_is_not_logged_in_gets_nothing(
    http_server_client: Any, jp_base_url: str, address: str, api: Api
) -> None:
    """At every address, by every method; and nothing is done."""
    before = api.list_events(1)
    for asked in ("databases", "workflows", "nothing", *(f"{address}{end}" for end in READ)):
        for method in ("GET", "HEAD", "DELETE"):
            answer = await _raw(http_server_client, jp_base_url, asked, method=method)
            assert answer.code == 403, (method, asked)
            assert method == "HEAD" or "error" in json.loads(answer.body)
    for method in ("POST", "PUT", "PATCH"):
        for asked in (f"{address}/actions", address, "workflows"):
            answer = await _raw(http_server_client, jp_base_url, asked, method=method, body='{"act": "cancel"}')
            assert answer.code == 403, (method, asked)
    assert api.list_events(1) == before


async def test_a_foreign_pages_request_does_nothing(
    http_server_client: Any, jp_base_url: str, jp_serverapp: Any, address: str, api: Api
) -> None:
    """It comes with the user's cookie, and without what only our own page knows."""
    token = jp_serverapp.identity_provider.token
    entered = await http_server_client.fetch(
        f"{jp_base_url}login?next=%2Fa%2540b%2Fapi%2Fstatus&token={token}", follow_redirects=False, raise_error=False
    )
    cookies = [one.partition(";")[0] for one in entered.headers.get_list("Set-Cookie")]
    headers = {"Cookie": "; ".join(cookies)}
    asked = {"method": "POST", "body": '{"act": "cancel"}'}
    read = await _raw(http_server_client, jp_base_url, "workflows", headers=headers)
    assert read.code == 200  # the cookie lets in
    foreign = await _raw(http_server_client, jp_base_url, f"{address}/actions", headers=headers, **asked)
    assert foreign.code == 403
    assert api.get_workflow(1).state == "started"
    page = await http_server_client.fetch(f"{jp_base_url}login", raise_error=False)
    (known,) = [one.partition(";")[0] for one in page.headers.get_list("Set-Cookie") if one.startswith("_xsrf=")]
    headers = {"Cookie": f"{headers['Cookie']}; {known}", "X-XSRFToken": known.removeprefix("_xsrf=")}
    own = await _raw(http_server_client, jp_base_url, f"{address}/actions", headers=headers, **asked)
    assert own.code == 200


async def test_who_may_not_write_may_read(get: Get, act: Get, address: str, jp_serverapp: Any, api: Api) -> None:
    """Jupyter's authorizer is asked for each request: an act is a write."""

    async def is_authorized(_handler: object, _user: object, action: str, resource: str) -> bool:
        return resource == "torc-nb" and action == "read"

    jp_serverapp.web_app.settings["authorizer"].is_authorized = is_authorized
    assert (await get(address)).code == 200
    assert (await act(address, act="cancel")).code == 403
    assert api.get_workflow(1).state == "started"


async def test_methods(get: Get, address: str) -> None:
    """Each address takes its own."""
    for asked in ("databases", "workflows", address, f"{address}/jobs"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            body = None if method == "DELETE" else "{}"
            refused = await get(asked, method=method, body=body)
            assert (refused.code, refused.data["error"]["kind"]) == (405, "MethodNotAllowed")
    assert (await get(f"{address}/actions")).code == 405


async def test_addresses_that_are_not_there(get: Get, address: str) -> None:
    """Unknown ids and words are not found, and told so in the same form."""
    database = address.split("/")[1]
    for asked in (
        "nothing",
        "databases/0123456789ab/workflows/1",
        f"databases/{database}/workflows/2",
        f"databases/{database}/workflows/one",
        f"databases/{database}/workflows/-1",
        f"databases/{database}/workflows/99999999999999999999999",
        f"{address}/jobs/7/logs",
        f"{address}/jobs/x/logs",
        f"{address}/jobs/1/logs/more",
        f"{address}/secrets",
    ):
        refused = await get(asked)
        assert refused.code == 404, asked
        assert set(refused.data["error"]) == {"message", "kind"}


@pytest.mark.parametrize("end", [end for end in READ if end != "/jobs/1/logs"])
async def test_a_workflow_that_is_not_there(get: Get, address: str, end: str) -> None:
    """Is not found at any of its addresses."""
    path, _, asked = end.partition("?")
    params = dict([asked.split("=")]) if asked else None
    assert (await get(f"{address.replace('workflows/1', 'workflows/9')}{path}", params=params)).code == 404


async def test_no_request_names_a_path(
    http_server_client: Any, jp_base_url: str, jp_auth_header: Any, tmp_path: Path
) -> None:
    """A database is meant by an id that the server gave out, whatever else is tried; nothing is opened or made."""
    other = tmp_path / "other.db"
    quoted = str(other).replace("/", "%2F")
    for asked in (
        f"databases/{quoted}/workflows/1",
        f"databases/sqlite:%2F%2F%2F{quoted}/workflows/1",
        "databases/..%2F..%2Fetc%2Fpasswd/workflows/1",
        "databases/%00/workflows/1",
        "databases/%ff/workflows/1",
        f"workflows?db={quoted}",
    ):
        answer = await _raw(http_server_client, jp_base_url, asked, headers=dict(jp_auth_header))
        assert answer.code in (400, 404) or json.loads(answer.body) == [], asked
    assert not other.exists()


class Harm:
    """Makes a file where it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["HARM"],)


async def test_nothing_is_unpickled(
    get: Get, act: Get, address: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle is told by its type and size, in parameters, results and keys."""
    import base64

    monkeypatch.setenv("HARM", str(tmp_path / "harmed"))
    data = base64.b64encode(pickle.dumps(Harm())).decode()
    tag = _tag()
    text = json.dumps({tag: "pickle", "type": "m:Harm", "data": data})
    nested = json.dumps({tag: "OrderedDict", "keys": ["a"], "values": [json.loads(text)]})
    with api.database.write() as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.id == 1).values(params=text, key=text))
        connection.execute(update(schema.results).where(schema.results.c.job_id == 1).values(value=nested))
    row = (await get(f"{address}/results", params={"map": "run"})).data["rows"][0]
    assert row["params"].startswith("<m:Harm, ")
    assert "Harm" in row["key"]
    assert row["result"] in ({"a": row["params"]}, {"a": "<Harm>"}) or row["result"].startswith("<OrderedDict")
    for end in ("/jobs", "/failures"):
        assert (await get(f"{address}{end}")).code == 200
    assert (await act(address, act="reinitialize", dry_run=True)).code == 200
    assert (await act(address, act="reinitialize")).code == 200
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not json", "<cannot be read: CannotLoad>"),
        ("[" * 500 + "]" * 500, [[[[[["…"]]]]]]),
        ("1e999", None),
        ('"<script>alert(1)</script>"', "<script>alert(1)</script>"),
        (json.dumps("x" * 5000), "x" * 200 + "…"),
        (json.dumps("x" * 50_000), "<value, 48.8 KiB>"),
        (json.dumps(list(range(60))), [*range(50), "… 10 more"]),
        ("123456789012345678", "123456789012345678"),
        ('{"__proto__": 1}', {"__proto__": 1}),
        ('"\\ud800"', None),
    ],
)
async def test_hostile_values(get: Get, address: str, api: Api, text: str, expected: object) -> None:
    """Whatever a database holds is shown as text or not at all; the other rows are not lost by it."""
    with api.database.write() as connection:
        connection.execute(update(schema.results).where(schema.results.c.job_id == 1).values(value=text))
    rows = (await get(f"{address}/results", params={"map": "run"})).data["rows"]
    assert rows[1]["result"] == {"y": 2, "place": "/projects/é"}
    if expected is not None:
        assert rows[0]["result"] == expected


async def test_particulars_of_events(get: Get, address: str, api: Api) -> None:
    """Are cut, and nothing in them keeps a page from being sent."""
    data = {"ids": list(range(60)), "reason": "x" * 5000, "deep": {"number": 2**70}}
    with api.database.write() as connection:
        connection.execute(insert(schema.events).values(workflow_id=1, time=1.0, kind="<b>", data=data))
    event = (await get(f"{address}/events", params={"limit": 1})).data["rows"][0]
    assert event["data"]["ids"][-1] == "… 10 more"
    assert event["data"]["reason"] == "x" * 200 + "…"
    assert event["data"]["deep"] == {"number": str(2**70)}


async def test_names_that_mean_harm(get: Get, api: Api) -> None:
    """Are one line of text."""
    api.create_workflow(WorkflowModel(name="<b>\n\x1b[31m" + "x" * 5000))
    name = (await get("workflows")).data[-1]["name"]
    assert name.startswith("<b> �[31mx")
    assert (len(name), name[-1]) == (201, "…")


def test_every_address_asks_who_it_is() -> None:
    """Each method that a handler has of its own is behind Jupyter's authentication."""
    for _, handler, _ in routes(None):  # type: ignore[arg-type]
        own = {name for name in ("get", "head", "post", "put", "patch", "delete") if name in vars(handler)}
        assert own
        assert all(_is_guarded(vars(handler)[name]) for name in own), handler


def _is_guarded(method: Any) -> bool:
    """Whether a method is Tornado's ``authenticated`` around Jupyter's ``authorized``."""
    codes = (method.__code__, method.__wrapped__.__code__)
    return [Path(code.co_filename).name for code in codes] == ["web.py", "decorator.py"]


def _tag() -> str:
    from torc_nb.values.kind import TAG

    return TAG
