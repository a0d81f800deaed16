"""``user-data``: the inputs and outputs of jobs, and records that they consume or store."""

from __future__ import annotations

import json
from typing import Any

import click

from torc_nb.commands.answers import Listing, Said, as_json, cut
from torc_nb.commands.grammar import PAIR, Noun, Read
from torc_nb.commands.session import Session

user_data = Noun("user-data", help="Inputs and outputs of jobs: parameters and results.")


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r:.60} is no JSON: {error}. Names and texts stand in double quotes, all of it in single ones: "
            "'{\"var1\": 100}'."
        ) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


DOCUMENT = Read("json", _document)


@user_data.command("list")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many; 0: all.")
@click.pass_obj
def list_(session: Session, limit: int | None) -> Listing:
    """List inputs and outputs, in the order of their keys."""
    from torc_nb import frames

    workflow = session.workflow()
    assert workflow.id is not None
    limit = session.limit(limit)
    found = session.api.list_user_data(workflow.id, limit=None if limit is None else limit + 1)
    frame, notes = cut(frames.user_data(found), limit)
    return Listing(f"User data of {workflow.name} ({workflow.id})", frame, notes)


@user_data.command("get")
@click.argument("key", type=int)
@click.pass_obj
def get(session: Session, key: int) -> Said:
    """Show one, whole."""
    entry = session.api.get_user_data(key)
    data = _facts(entry)
    return Said(as_json(Said("", data)), data, entry)


@user_data.command("add")
@click.option("-n", "--name", required=True, help="What it is called.")
@click.option("-d", "--data", type=DOCUMENT, help="Its value, as JSON.")
@click.option("-e", "--ephemeral", is_flag=True, help="It is emptied at each reinitialize.")
@click.option("--consumed-by", type=int, multiple=True, metavar="JOB", help="A job that consumes it; may be repeated.")
@click.option("--stored-by", type=int, metavar="JOB", help="The job that stores it.")
@click.pass_obj
def add(
    session: Session, name: str, data: Any, ephemeral: bool, consumed_by: tuple[int, ...], stored_by: int | None
) -> Said:
    """Keep a value that jobs consume or store."""
    from torc_nb.models import UserDataModel

    workflow = session.workflow()
    assert workflow.id is not None
    entry = session.api.create_user_data(
        UserDataModel(workflow_id=workflow.id, name=name, data=data, is_ephemeral=ephemeral),
        consumed_by=consumed_by,
        stored_by=stored_by,
    )
    return session.said(f"Added user data {entry.id}.", workflow, **_facts(entry))


@user_data.command("modify")
@click.argument("key", type=int)
@click.argument("values", metavar="[NAME=VALUE]...", type=PAIR, nargs=-1)
@click.option("-d", "--data", type=DOCUMENT, help="The whole new value as JSON: the parameters, or what `list` shows.")
@click.option("--add", is_flag=True, help="Add a NAME that is not there.")
@click.option("--rev", type=int, help="The revision that you saw; a newer one is refused.")
@click.option("-n", "--name", help="A new name.")
@click.option("-e", "--ephemeral/--no-ephemeral", "is_ephemeral", default=None, help="Empty it at each reinitialize.")
@click.pass_obj
def modify(
    session: Session,
    key: int,
    values: tuple[tuple[str, str], ...],
    data: Any,
    add: bool,
    rev: int | None,
    name: str | None,
    is_ephemeral: bool | None,
) -> Said:
    """Change the parameters of a job, or a record: single values (NAME=VALUE, JSON or text), or all of it (-d)."""
    given: dict[str, Any] = {} if data is None else {"data": data}
    if not values and data is None and name is None and is_ephemeral is None:
        raise click.UsageError(f"Say what to change: `{key} NAME=VALUE`, or `{key} -d JSON`.")
    parts = {part: _value(text) for part, text in values}
    done = session.api.modify_user_data(
        key, **given, values=parts, add=add, rev=rev, name=name, is_ephemeral=is_ephemeral
    )
    workflow = session.api.get_workflow(done.workflow_id)
    again = "%torc workflows reinitialize" if session.in_notebook else "torc-nb workflows reinitialize"
    note = done.note.replace("wf.reinitialize()", again)
    changed = ", ".join(done.changes) or "nothing differs"
    text = f"User data {key}: {changed}{'; ' if note else ''}{note}."
    return session.said(text, workflow, **_facts(done), changes=done.changes, note=note)


@user_data.command("delete")
@click.argument("keys", metavar="KEY...", type=int, nargs=-1, required=True)
@click.pass_obj
def delete(session: Session, keys: tuple[int, ...]) -> Said:
    """Delete records; the inputs and outputs of a map's jobs go with these."""
    entry = None
    for key in keys:
        entry = session.api.delete_user_data(key)
    assert entry is not None
    workflow = session.api.get_workflow(entry.workflow_id)
    return session.said(f"Deleted user data {', '.join(map(str, keys))}.", workflow, deleted=list(keys))


def _facts(entry: Any) -> dict[str, Any]:
    return {
        "key": entry.id, "name": entry.name, "data": entry.data, "rev": entry.rev, "is_ephemeral": entry.is_ephemeral,
    }  # fmt: skip
