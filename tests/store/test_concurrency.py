"""Everybody at once: workers, expiries, cancels and reruns on the same jobs; no deadlock, no lost count."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from store.scene import COLLECT, Scene, completion

from torc_nb.models import FINISHED, JobStatus
from torc_nb.store import dependencies, jobs, leases, resetting, results

ROUNDS = 12


def _work(scene: Scene, chance: random.Random) -> None:
    """A worker that is lost now and then, or leaves, and reports in any order."""
    worker = scene.worker(boot_id="elsewhere")
    for _ in range(ROUNDS):
        found = scene.claim(worker, 20)
        chance.shuffle(found)
        scene.exchange(worker, started=found[:10])
        if chance.random() < 0.3:
            scene.set_worker(worker, last_seen=0.0, lease_expires=1000.0)
        done = [completion(claim, chance.choice([JobStatus.COMPLETED, JobStatus.FAILED])) for claim in found]
        scene.exchange(worker, completions=done[:15])
        if chance.random() < 0.3:
            leases.leave(scene.database, worker)
            worker = scene.worker(boot_id="elsewhere")
    leases.leave(scene.database, worker)


def _expire(scene: Scene, _chance: random.Random) -> None:
    for _ in range(ROUNDS * 2):
        leases.expire(scene.database, scene.id)
        dependencies.release_all(scene.database, scene.id)


def _meddle(scene: Scene, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        chosen = chance.sample(range(1, 301), 60)
        jobs.cancel(scene.database, scene.id, chosen)
        resetting.rerun(scene.database, scene.id, sorted(FINISHED), chosen)


def _declare(scene: Scene, chance: random.Random) -> None:
    asked = [scene.requirement, scene.require(num_cpus=2)]
    for i in range(ROUNDS):
        rows = chance.sample(range(300 + i), 300)
        scene.declare(rows, postprocess_id=COLLECT, requirement_id=asked[i % 2], drop=chance.random() < 0.3)


def test_all_at_once(scene: Scene) -> None:
    """Three workers, an inspector, a user and a notebook work on one map; then it can be completed, each row once."""
    scene.declare(range(300), postprocess_id=COLLECT)
    failures: list[BaseException] = []

    def run(part: Callable[[Scene, random.Random], None], seed: int) -> None:
        try:
            part(scene, random.Random(seed))
        except BaseException as error:
            failures.append(error)

    parts = [_work, _work, _work, _expire, _meddle, _declare]
    threads = [threading.Thread(target=run, args=(part, seed)) for seed, part in enumerate(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []

    worker = scene.worker()
    scene.run_all(worker)
    outcome = scene.declare(range(300), postprocess_id=COLLECT, drop=True)
    resetting.rerun(scene.database, scene.id, sorted(FINISHED - {JobStatus.COMPLETED}))
    scene.run_all(worker)
    assert scene.counts() == {"completed": 301}
    assert len(results.values_of_map(scene.database, scene.id, outcome.map_id)) == 300
    assert scene.values() == [str(i) for i in range(300)]
