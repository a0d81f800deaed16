"""Real workers, real memory: what ran out of it is run again with more."""

from __future__ import annotations

import time
from pathlib import Path

from torc_nb.models import JobStatus
from torc_nb.models.growth import Growth
from torc_nb.models.quantities import MIB
from torc_nb.store import requirements

from .conftest import Site


def test_it_is_run_again_with_more_until_it_has_all_that_it_may(any_site: Site) -> None:
    """Stopped by the worker or by an allocation that fails; the attempts stay, and no other job is touched."""

    def run(row: str) -> int:
        with Path(row).open("a") as tries:
            tries.write("x")
        first = Path(row).stat().st_size == 1
        if row == "too large" and first:
            return len(bytearray(1 << 60))
        if row == "modest" or not (row == "greedy" or first):
            return 1
        blocks = [b"x" * (10 * MIB) for _ in range(35)]
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:  # until it is stopped
            time.sleep(0.01)
        return len(blocks)

    rows = ["once", "greedy", "too large", "modest"]
    map_id = any_site.map(run, rows, memory=80 * MIB, policy={"growth": Growth(200 * MIB).stored()})
    assert any_site.run(num_cpus=1, memory=250 * MIB) == {"completed": 3, "failed": 1}
    assert any_site.values(map_id) == [1, None, 1, 1]
    tried = {rows[job.row]: [one.error_type for one in any_site.attempts(job.id)] for job in any_site.jobs()}
    assert tried["once"] == tried["too large"] == ["MemoryError", None]
    assert tried["greedy"] == ["MemoryError"] * 2
    assert tried["modest"] == [None]
    asked = {rows[job.row]: requirements.get(any_site.database, job.requirement_id).memory for job in any_site.jobs()}
    assert {name: (memory or 0) // MIB for name, memory in asked.items()} == {
        "once": 200, "greedy": 200, "too large": 160, "modest": 80,
    }  # fmt: skip
    (failed,) = any_site.jobs(JobStatus.FAILED)
    assert "it had 200 MiB, and max_memory is 200 MiB" in any_site.result(failed.id).error
