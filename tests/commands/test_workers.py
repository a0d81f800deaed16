"""What the workers do, as a terminal shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commands import sweep

from torc_nb.api import make_api
from torc_nb.models import Introduction
from torc_nb.store import claims, leases


def test_what_each_runs_is_listed(terminal: Any, finished: Path) -> None:
    """Jobs and CPUs of the one that works, none of the one that left; and when each was last heard of."""
    api = make_api(finished / ".torc" / "torc.db")
    (finished / "simulation.py").write_text(sweep.SIMULATION)
    api.map_function(1, ("simulation", "run"), [{"a": 7}], name="more", module_directory=finished)
    worker = leases.join(api.database, Introduction(1, "n7", 1, "another machine", 1.0, num_cpus=4))
    answer = claims.exchange(api.database, 1, worker.id, room=lambda group, ready, workers: ready)
    claims.exchange(api.database, 1, worker.id, started=answer.claims)
    api.database.close()
    left, working = json.loads(terminal.says("workers list --json"))
    assert (left["state"], left["running"], left["busy_cpus"]) == ("left", 0, 0)
    assert (working["host"], working["running"], working["busy_cpus"]) == ("n7", 1, 1)
    assert working["last_seen"] is not None
