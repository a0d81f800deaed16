"""What the jobs of one map have in common, loaded from the database once: function, environment, request."""

from __future__ import annotations

import itertools
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from torc_nb.errors import TorcError
from torc_nb.functions import Function
from torc_nb.models import Claim, Request
from torc_nb.store import Database, environments, functions, jobs, maps, requirements
from torc_nb.worker.collection import Collection
from torc_nb.worker.outlook import Outlook

Key = tuple[int, int, int]

#: What stands where a function would: a command is told by its parameters alone.
_COMMAND = Function(
    name="command", module=None, payload=b"", python=sys.version_info[:2], digest=b"", source="", sources={},
    modules=(), imports=(), captured=(), signature=None, unstable=(),
)  # fmt: skip


def key_of(claim: Claim) -> Key:
    """Jobs of equal keys can run in one child: those of a map, and all commands of one environment."""
    if not claim.function_id:
        return (0, -(claim.environment_id or 0), claim.requirement_id)
    return (claim.map_id or -claim.job_id, claim.function_id, claim.requirement_id)


@dataclass(frozen=True)
class Assignment:
    """How to run the jobs of a key."""

    function: Function
    call: str
    environment: environments.Environment
    request: Request
    collects: int | None = None


def _make_scratch() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="torc-nb-worker-"))
    except OSError as error:  # among them: there is no folder for temporary files that can be written
        raise TorcError(f"{socket.gethostname()} has no place for temporary files: {error}. Set TMPDIR.") from error


class Assignments:
    """The assignments that this worker has met."""

    def __init__(self, database: Database, workflow_id: int) -> None:
        self._database = database
        self._workflow_id = workflow_id
        self._known: dict[Key, Assignment] = {}
        self._requests: dict[int, Request] = {}
        self.outlook = Outlook(database, workflow_id)
        self._collections: dict[int, Collection] = {}
        self._numbers = itertools.count(1)
        self.scratch = _make_scratch()

    def request(self, requirement_id: int) -> Request:
        """What jobs of these requirements ask for."""
        if requirement_id not in self._requests:
            self._requests[requirement_id] = requirements.request(self._database, requirement_id)
        return self._requests[requirement_id]

    def load(self, claim: Claim) -> Assignment:
        """Load what a claimed job needs, where it is not known yet."""
        key = key_of(claim)
        if key not in self._known and not claim.function_id:
            environment = environments.get(self._database, claim.environment_id or 0)
            self._known[key] = Assignment(_COMMAND, "command", environment, self.request(claim.requirement_id))
        if key not in self._known:
            job = None if claim.map_id else jobs.get(self._database, claim.job_id)
            map_ = maps.get(self._database, claim.map_id or (job.collects if job is not None else 0))
            self._known[key] = Assignment(
                function=functions.get(self._database, claim.function_id),
                call=map_.call if job is None else "argument",
                environment=environments.get(self._database, map_.environment_id),
                request=self.request(claim.requirement_id),
                collects=None if job is None else job.collects,
            )
        return self._known[key]

    def imports(self) -> frozenset[str]:
        """The packages that the functions met so far use."""
        return frozenset(name for known in list(self._known.values()) for name in known.function.imports)

    def known(self, claim: Claim) -> Assignment:
        """Return what was loaded for a claim."""
        return self._known[key_of(claim)]

    def collect(self, job_id: int, map_id: int) -> None:
        """Begin to collect all results of a map for the job that gets them."""
        if job_id in self._collections:  # of an attempt before
            self._collections[job_id].discard()
        path = self.scratch / f"results-{next(self._numbers)}"
        self._collections[job_id] = Collection(self._database, self._workflow_id, map_id, path)

    def collected(self, job_id: int) -> str:
        """The path of the file into which comes what a job collects."""
        return str(self._collections[job_id].path)

    def check_collections(self) -> None:
        """Raise what keeps any results from being collected."""
        for collection in self._collections.values():
            if collection.error is not None:
                raise collection.error
