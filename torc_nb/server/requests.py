"""Requests to Jupyter's server: who asks is checked by the server, what for by us, and the answer is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from http.client import responses
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from torc_nb.api import Api
from torc_nb.errors import InvalidRequest, TorcError
from torc_nb.server import refusals
from torc_nb.server.acts import Act
from torc_nb.server.asked import Asked, Data
from torc_nb.server.databases import Databases
from torc_nb.server.lookout import Lookout
from torc_nb.server.query import Query, id_of

#: An act is a short sentence; a request that is longer is none.
_LONGEST = 1_000_000


class Request(APIHandler):
    """What all requests have in common."""

    auth_resource = "torc-nb"
    #: A panel that looks now and then is no activity: it must not keep an idle server alive.
    _track_activity = False

    databases: Databases

    def answer(self, text: str) -> None:
        """Answer with JSON; with what the browser has already, it is told so (304)."""
        self.set_header("Cache-Control", "no-cache")
        self.finish(text)

    def refuse(self, error: TorcError) -> None:
        """Say why not."""
        self.set_status(refusals.status_of(error))
        self.finish(_text(refusals.told(error)))

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say the same way what the server itself refuses, and what nobody foresaw."""
        self.finish(_text(refusals.of_server(status_code, responses.get(status_code, "Unknown"))))


class Overview(Request):
    """All databases, or all workflows."""

    def initialize(self, databases: Databases, listed: Callable[[list[Lookout]], list[Data]]) -> None:
        """Be given what is listed of them; called by Tornado."""
        self.databases = databases
        self.listed = listed

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List them."""
        self.answer(_text(self.listed(await self.databases.look())))


class OfWorkflow(Request):
    """One of the things that can be read of a workflow."""

    def initialize(self, databases: Databases, question: Callable[[Asked], Data]) -> None:
        """Be given what is asked about a workflow."""
        self.databases = databases
        self.question = question

    @web.authenticated
    @authorized
    async def get(self, database_id: str, workflow: str, job: str = "0") -> None:
        """Read it."""
        given = {name: self.get_query_arguments(name) for name in self.request.query_arguments}
        try:
            about = database_id, id_of("workflow", workflow), id_of("job", job), Query(given)
            self.answer(await self.databases.ask(database_id, partial(self._asked, about)))
        except TorcError as error:
            self.refuse(error)

    def _asked(self, about: tuple[str, int, int, Query], api: Api) -> str:
        return _text(self.question(Asked(api, *about)))


class Acts(Request):
    """What can be done with a workflow."""

    _track_activity = True

    def initialize(self, databases: Databases) -> None:
        """Be given where it is done."""
        self.databases = databases

    @web.authenticated
    @authorized
    async def post(self, database_id: str, workflow: str) -> None:
        """Do it, and say what was done."""
        try:
            act, workflow_id = Act(self._body()), id_of("workflow", workflow)
            said = await self.databases.ask(database_id, lambda api: act(api, workflow_id), patience=None)
        except TorcError as error:
            self.refuse(error)
        else:
            self.answer(_text(said))

    def _body(self) -> object:
        if len(self.request.body) > _LONGEST:
            raise InvalidRequest("That is too long for an act.")
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest('Say what to do as a JSON object: {"act": "start"}.') from error


class Nowhere(Request):
    """Any other address below ours."""

    def initialize(self, databases: Databases) -> None:
        """Be given what it has no use for."""
        self.databases = databases

    @web.authenticated
    @authorized
    async def get(self, _path: str) -> None:
        """Say that there is nothing."""
        raise web.HTTPError(404)


def _text(content: object) -> str:
    return json.dumps(content, allow_nan=False)
