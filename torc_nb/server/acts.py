"""What can be done with a workflow: each act is one of the commands, with arguments that are checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import click

from torc_nb.api import Api
from torc_nb.commands import Session, tree
from torc_nb.commands.grammar import complaint
from torc_nb.errors import InvalidRequest
from torc_nb.models import JobStatus
from torc_nb.server.asked import Data
from torc_nb.server.plain import cut, plain
from torc_nb.server.query import MOST, USUAL, status

#: The commands by what a panel calls them.
COMMANDS = {
    "start": ["workflows", "start"],
    "pause": ["workflows", "pause"],
    "resume": ["workflows", "resume"],
    "cancel": ["workflows", "cancel"],
    "rerun": ["rerun"],
    "reinitialize": ["workflows", "reinitialize"],
    "schedule-nodes": ["hpc", "slurm", "schedule-nodes"],
    "run": ["run"],
}
#: What can be said besides, and of which acts.
_MEANT_FOR = {
    "dry_run": {"reinitialize"},
    "limit": {"reinitialize"},
    "nodes": {"schedule-nodes"},
    "status": {"rerun"},
    "jobs": {"rerun"},
}

#: How many nodes, and how many jobs by their ids, one act is about at most.
_MOST_NODES, _MOST_JOBS = 1000, 10_000


class Act:
    """One thing to do.

    Parameters
    ----------
    asked
        ``act``, and what goes with it: ``dry_run`` and ``limit`` of rows to show, ``nodes``, ``status`` and ``jobs``.

    Raises
    ------
    InvalidRequest
        It makes no sense; nothing was done.
    """

    def __init__(self, asked: object) -> None:
        if not isinstance(asked, Mapping):
            raise InvalidRequest('Say what to do as a JSON object: {"act": "start"}.')
        self.name = str(asked.get("act"))
        if self.name not in COMMANDS:
            raise InvalidRequest(f"There is no act {cut(self.name, 40)!r}; there are: {', '.join(COMMANDS)}.")
        for name in asked:
            if name != "act" and name not in _MEANT_FOR:
                raise InvalidRequest(f"An act has no {cut(repr(name), 40)}; it has: act, {', '.join(_MEANT_FOR)}.")
            if asked[name] and name != "act" and self.name not in _MEANT_FOR[name]:
                raise InvalidRequest(f"{self.name} has no {name}: that is of {', '.join(_MEANT_FOR[name])}.")
        self.is_dry_run = _boolean(asked.get("dry_run"))
        self.limit = _number("limit", asked.get("limit"), USUAL, MOST)
        self._options = [
            *_nodes(asked.get("nodes")),
            *(f"--status={status(word).label}" for word in _listed("status", asked.get("status"), str)),
            *(str(id_) for id_ in _listed("jobs", asked.get("jobs"), int)),
        ]

    def __call__(self, api: Api, workflow_id: int) -> Data:
        """Do it; returns what was said, and of a dry run how many jobs of which map, and the first of them."""
        return self._foresee(api, workflow_id) if self.is_dry_run else {"said": self._do(api, workflow_id)}

    def _do(self, api: Api, workflow_id: int) -> str:
        session = Session(workflow_name=str(workflow_id), as_json=True)
        session.__dict__["api"] = api  # the one that is open
        line = [*COMMANDS[self.name], *self._options]
        try:
            answer = tree.main(line, prog_name="torc-nb", obj=session, standalone_mode=False)
        except click.ClickException as error:
            raise InvalidRequest(complaint(error)) from error
        return str(answer.text)

    def _foresee(self, api: Api, workflow_id: int) -> Data:
        report = api.reinitialize(workflow_id, dry_run=True)
        rows = [
            {
                "job": row.job_id,
                "name": row.name,
                "map": row.map,
                "key": plain(row.key, None if row.key is None else len(row.key)),
                "status": JobStatus(row.status).label,
                "reason": row.reason,
                "old": _cut(row.old),
                "new": _cut(row.new),
                "difference": _cut(row.difference),
            }
            for row in islice(report.rows(), self.limit)
        ]
        said = [report.sentence(), *report.notes]
        if report.affected > len(rows):
            said.append(f"these are the first {len(rows):,} of {report.affected:,}")
        groups = [{"map": one.map, "reason": one.reason, "number": one.number} for one in report.groups()]
        return {"said": "; ".join(said) + ".", "groups": groups, "rows": rows}


def _nodes(given: object) -> Iterable[str]:
    return [] if given is None else [f"--nodes={_number('nodes', given, 1, _MOST_NODES)}"]


def _boolean(given: object) -> bool:
    if given is None or isinstance(given, bool):
        return bool(given)
    raise InvalidRequest(f"dry_run is true or false, not {cut(repr(given), 40)}.")


def _number(name: str, given: object, usual: int, most: int) -> int:
    if given is None:
        return usual
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        raise InvalidRequest(f"{name} is a whole number from 1 to {most:,}, not {cut(repr(given), 40)}.")
    return given


def _listed(name: str, given: object, kind: type) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list) or any(type(one) is not kind for one in given) or len(given) > _MOST_JOBS:
        raise InvalidRequest(f"{name} is a list of up to {_MOST_JOBS:,} {'numbers' if kind is int else 'words'}.")
    if kind is int and any(one < 0 or one >= 2**63 for one in given):
        raise InvalidRequest(f"{name} are called by whole numbers of up to 18 digits.")
    return given


def _cut(text: str | None) -> str | None:
    return None if text is None else cut(text, 2000)
