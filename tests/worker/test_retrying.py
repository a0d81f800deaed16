"""Real workers try again what failed."""

from __future__ import annotations

import sys
from pathlib import Path

from torc_nb import Retry, functions, values
from torc_nb.store import environments, maps
from torc_nb.store import functions as stored_functions

from .conftest import Site


def test_until_it_succeeds_or_the_tries_are_used_up(any_site: Site) -> None:
    """The worker waits for what is due; classes that an error derives from count, and so do return codes."""

    def run(row: int) -> int:
        before = Path(f"tries-{row}")
        with before.open("a") as tries:
            tries.write("x")
        if row == 0 and before.stat().st_size < 3:
            raise ConnectionResetError("not yet")
        if row == 1:
            raise ValueError("never")
        if row == 2 and before.stat().st_size < 2:
            sys.exit(75)
        if row == 3:
            raise OSError("again and again")
        return before.stat().st_size

    retry = Retry(2, wait=0.2, factor=2, on=(OSError, 75))
    here = environments.Environment(str(any_site.here), dict(any_site.variables))
    declaration = maps.Declaration(
        "run",
        stored_functions.keep(any_site.database, any_site.id, functions.capture(run)),
        environments.keep(any_site.database, any_site.id, here),
        any_site.requirement(),
        retry=retry.stored(),
    )
    rows = (maps.Parameters(one.text, one.digest) for one in map(values.encode, range(4)))
    map_id = maps.declare(any_site.database, any_site.id, declaration, rows).map_id
    assert any_site.run(num_cpus=1) == {"completed": 2, "failed": 2}
    assert any_site.values(map_id) == [3, None, 2, None]
    tried = {job.row: [one.error_type for one in any_site.attempts(job.id)] for job in any_site.jobs()}
    assert tried[0] == ["ConnectionResetError", "ConnectionResetError", None]
    assert tried[1] == ["ValueError"]
    assert tried[2] == ["SystemExit", None]
    assert tried[3] == ["OSError"] * 3
