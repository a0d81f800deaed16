"""Functions as they were when mapped: each meaning is kept once, as a version."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, insert, select

from torc_nb.errors import NotFound
from torc_nb.functions import Captured, Function, Ingredient, ModuleSource, Signature
from torc_nb.store import bulk, schema
from torc_nb.store.database import Database

_functions = schema.functions
_sources = schema.module_sources


def keep(database: Database, workflow_id: int, function: Function) -> int:
    """Return the id of the version that has this function's meaning, making it where there is none."""
    with database.write() as connection:
        _one_at_a_time(connection, workflow_id)
        known = connection.scalar(
            select(_functions.c.id)
            .where(
                _functions.c.workflow_id == workflow_id,
                _functions.c.name == function.name,
                _functions.c.digest == function.digest,
                _functions.c.python == _version(function),
            )
            .order_by(_functions.c.id.desc())
        )
        if known is not None:
            return int(known)
        newest = connection.scalar(
            select(func.max(_functions.c.version)).where(
                _functions.c.workflow_id == workflow_id, _functions.c.name == function.name
            )
        )
        return int(
            connection.scalar(
                insert(_functions)
                .values(
                    workflow_id=workflow_id,
                    name=function.name,
                    module=function.module,
                    version=(newest or 0) + 1,
                    created=database.now(connection),
                    digest=function.digest,
                    payload=function.payload,
                    python=_version(function),
                    source=function.source,
                    details=_details(connection, function),
                )
                .returning(_functions.c.id)
            )
            or 0
        )


def get(database: Database, function_id: int) -> Function:
    """Return a stored function.

    Raises
    ------
    NotFound
        None of that id.
    """
    with database.read() as connection:
        row = connection.execute(select(_functions).where(_functions.c.id == function_id)).first()
        if row is None:
            raise NotFound(f"There is no function {function_id} in {database!r}.")
        contents = _contents(connection, [bytes.fromhex(module["digest"]) for module in row.details["modules"]])
    details = row.details
    major, minor = row.python.split(".")
    signature = details["signature"]
    return Function(
        name=row.name,
        module=row.module,
        payload=bytes(row.payload),
        python=(int(major), int(minor)),
        digest=bytes(row.digest),
        source=row.source,
        sources=details["sources"],
        modules=tuple(
            ModuleSource(module["name"], module["path"], contents[module["digest"]], module["is_package"])
            for module in details["modules"]
        ),
        imports=tuple(details["imports"]),
        captured=tuple(Captured(name, nbytes) for name, nbytes in details["captured"]),
        signature=None if signature is None else Signature(**_as_tuples(signature)),
        unstable=tuple(details["unstable"]),
        ingredients=tuple(Ingredient(*one) for one in details.get("ingredients", ())),  # earlier rows have none
    )


def labels(database: Database, workflow_id: int) -> dict[int, str]:
    """Return for each function of a workflow its version's label, as in ``"v2"``."""
    with database.read() as connection:
        rows = connection.execute(
            select(_functions.c.id, _functions.c.version).where(_functions.c.workflow_id == workflow_id)
        )
        return {row.id: f"v{row.version}" for row in rows}


def names(database: Database, workflow_id: int) -> dict[int, str]:
    """Return the name of each function of a workflow."""
    with database.read() as connection:
        rows = connection.execute(
            select(_functions.c.id, _functions.c.name).where(_functions.c.workflow_id == workflow_id)
        )
        return {row.id: row.name for row in rows}


def called(database: Database, workflow_id: int) -> dict[int, str]:
    """Return what each function of a workflow is called, with the module that it is imported from, if any."""
    with database.read() as connection:
        rows = connection.execute(
            select(_functions.c.id, _functions.c.module, _functions.c.name).where(
                _functions.c.workflow_id == workflow_id
            )
        ).all()
    return {row.id: f"{row.module}.{row.name}" if row.module else row.name for row in rows}


def _one_at_a_time(connection: Connection, workflow_id: int) -> None:
    """Let two kernels that keep functions of one workflow take turns, so that versions are numbered once."""
    workflows = schema.workflows
    connection.execute(select(workflows.c.id).where(workflows.c.id == workflow_id).with_for_update(key_share=True))


def _version(function: Function) -> str:
    return f"{function.python[0]}.{function.python[1]}"


def _details(connection: Connection, function: Function) -> dict[str, Any]:
    return {
        "sources": dict(function.sources),
        "modules": [
            {
                "name": module.name,
                "path": module.path,
                "digest": _keep_source(connection, module.content).hex(),
                "is_package": module.is_package,
            }
            for module in function.modules
        ],
        "imports": list(function.imports),
        "captured": [[captured.name, captured.nbytes] for captured in function.captured],
        "signature": None if function.signature is None else asdict(function.signature),
        "unstable": list(function.unstable),
        "ingredients": [[one.kind, one.name, one.digest, one.shown] for one in function.ingredients],
    }


def _keep_source(connection: Connection, content: bytes) -> bytes:
    """Keep a module's text once, however many functions use it."""
    digest = hashlib.blake2b(content, digest_size=16).digest()
    statement = bulk.insert_on_conflict(connection.dialect.name, _sources)
    connection.execute(statement.values(digest=digest, content=content).on_conflict_do_nothing())
    return digest


def _contents(connection: Connection, digests: list[bytes]) -> dict[str, bytes]:
    rows = connection.execute(select(_sources).where(_sources.c.digest.in_(digests)))
    return {bytes(row.digest).hex(): bytes(row.content) for row in rows}


def _as_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
