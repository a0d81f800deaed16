"""What a worker would find on a node, found out before any has to: the errand of ``check``.

Each finding is a line of the log, which is in the workflow's folder: whoever asked reads them as they come.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torc_nb.errors import TorcError
from torc_nb.models import WorkerSettings
from torc_nb.store import Database, environments, functions, maps, trust, workflows
from torc_nb.worker import importing, node
from torc_nb.worker.packages import versions
from torc_nb.worker.place import check_folder, host, open_database

#: What a finding's line begins with.
MARK = "torc_nb check: "
#: The last finding.
END = "end"

#: The module and function, as an errand names it.
WORK = "torc_nb.worker.checkup:run"


def run(settings: WorkerSettings) -> None:
    """Find out all that there is to be found out here."""
    whole = node.capacity(settings)
    _say(
        "node", host=host(), num_cpus=whole.num_cpus, memory=whole.memory, num_gpus=whole.num_gpus,
        python=platform.python_version(), executable=sys.executable, torc_nb=versions([])["torc_nb"],
    )  # fmt: skip
    try:
        database = open_database(settings)
        workflow = workflows.get(database, settings.workflow_id)
        trust.check(database, workflow, "Workers run their own user's workflows")
    except TorcError as error:
        _say("database", error=str(error))
        _say(END)
        return
    _say("database", error=None)
    _say("folder", error=_complaint_of(Path(workflow.files), settings.trust))
    imports, failed = _modules(database, settings.workflow_id)
    _say("modules", packages=versions(imports), imports=imports, failed=failed)
    _say(END)


def findings(log: str) -> dict[str, dict[str, Any]]:
    """Read the findings from a log, by what they are of; as far as they have come."""
    lines = (line.removeprefix(MARK) for line in log.splitlines(keepends=True) if line.startswith(MARK))
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return {one.pop("of"): one for one in found}


def _say(what: str, **finding: Any) -> None:
    print(f"{MARK}{json.dumps({'of': what, **finding})}", flush=True)


def _complaint_of(folder: Path, trusted: bool) -> str | None:
    """Why a worker could not keep its logs and large values in a folder; None where it can."""
    try:
        check_folder(folder, trusted)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".torc-nb-check-") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except TorcError as error:
        return str(error)
    except OSError as error:
        return f"{host()} cannot write the workflow's folder {folder}: {error.strerror}."
    return None


def _modules(database: Database, workflow_id: int) -> tuple[list[str], dict[str, str]]:
    """Return the packages that the workflow's functions use, and what is wrong with those that cannot be imported."""
    names: set[str] = set()
    failed: dict[str, str] = {}
    for environment_id, wanted in _wanted(database, workflow_id):
        new = sorted(set(wanted) - names)
        names.update(new)
        if new:
            environment = environments.get(database, environment_id)
            failed |= importing.complaints(new, environment.cwd, environment.variables)
    return sorted(names), failed


def _wanted(database: Database, workflow_id: int) -> Iterator[tuple[int, list[str]]]:
    """Yield for each map its environment, and the installed modules that its function needs."""
    for map_ in maps.listed(database, workflow_id):
        if not map_.function_id:
            continue
        function = functions.get(database, map_.function_id)
        local = {module.name for module in function.modules}
        named = [function.module] if function.module and function.module not in local else []
        yield map_.environment_id, [*function.imports, *named]
