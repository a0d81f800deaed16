"""Many workers that want the same jobs at the same moment."""

from __future__ import annotations

from collections import Counter

from .conftest import Site
from .test_presence import same

WORKERS, JOBS = 8, 5_000


def test_a_crowd_runs_each_job_once(any_site: Site) -> None:
    """Eight workers stand ready when the jobs appear; each job runs once, as the jobs themselves wrote down."""
    crowd = [any_site.worker(num_cpus=1, linger=60.0) for _ in range(WORKERS)]
    any_site.until(lambda: len(any_site.workers()) == WORKERS, 40)
    any_site.map(same, range(JOBS))
    assert any_site.wait(60) == {"completed": JOBS}
    assert Counter(map(int, any_site.lines())) == Counter(range(JOBS))
    assert len({attempt.worker_id for attempt in any_site.attempts()}) > 1
    assert all(worker.poll() is None for worker in crowd)
