"""When a node is suspected, and what becomes of the jobs that failed on it."""

from __future__ import annotations

from store.scene import Scene

from torc_nb.models import JobStatus
from torc_nb.store import events, suspects


def test_a_node_is_suspected_where_others_complete(scene: Scene) -> None:
    """It takes completions of the same map, by a worker on another node, in this worker's time."""
    outcome = scene.declare(range(40))
    early, good, neighbour, bad = (scene.worker(host=host) for host in ("n0", "n1", "n2", "n2"))

    def suspect() -> bool:
        return suspects.is_suspect(scene.database, bad, outcome.map_id, 3)

    scene.complete(bad, scene.claim(bad, 3), JobStatus.FAILED)
    assert not suspect(), "nobody completes any"
    scene.complete(neighbour, scene.claim(neighbour, 5))
    assert not suspect(), "on this node some complete"
    scene.complete(early, scene.claim(early, 5))
    scene.set_worker(early, last_seen=1.0, lease_expires=61.0)
    assert not suspect(), "that was before its time"
    held = scene.claim(good, 10)
    assert not suspect()
    scene.complete(good, held[:5])
    assert suspect()
    scene.complete(good, held[5:], JobStatus.FAILED)
    assert not suspect(), "others fail too"
    assert not suspects.is_suspect(scene.database, bad, outcome.map_id + 99, 3)


def test_what_failed_is_tried_elsewhere_once(scene: Scene) -> None:
    """It is ready again with all that waits for it, its failure is kept, and the second failure is its last."""
    scene.declare(range(4), postprocess_id=3)
    good, bad, worse = (scene.worker(host=host) for host in ("n1", "n2", "n3"))
    ids = []
    for worker, tried in ((bad, 3), (worse, 0)):
        found = scene.claim(worker, 3)
        scene.complete(worker, found, JobStatus.FAILED)
        ids = [claim.job_id for claim in found]
        assert suspects.try_elsewhere(scene.database, worker, ids, "the node may be broken") == tried
    assert scene.counts() == {"failed": 3, "ready": 1, "blocked": 1}
    scene.complete(good, scene.claim(good, 1))
    assert scene.counts() == {"failed": 3, "completed": 1, "canceled": 1}
    told = [event.data for event in events.listed(scene.database, scene.id) if event.kind == "node suspected"]
    assert [(data["failed"], data["tried_again"]) for data in told] == [(3, 3), (3, 0)]


def test_a_canceled_postprocess_waits_again(scene: Scene) -> None:
    """The failures were the map's last jobs, and what waited for them had been given up."""
    scene.declare(range(4), postprocess_id=3)
    good, bad = scene.worker(host="n1"), scene.worker(host="n2")
    failed = scene.claim(bad, 3)
    scene.complete(good, scene.claim(good))
    scene.complete(bad, failed, JobStatus.FAILED)
    assert scene.counts() == {"completed": 1, "failed": 3, "canceled": 1}
    suspects.try_elsewhere(scene.database, bad, [claim.job_id for claim in failed], "")
    assert scene.counts() == {"completed": 1, "ready": 3, "blocked": 1}
    assert scene.run_all(good) == 4
    assert scene.counts() == {"completed": 5}


def test_what_was_settled_meanwhile_is_left(scene: Scene) -> None:
    """Jobs that the user has made to run again, or that have completed by now, are not touched."""
    scene.declare(range(2))
    good, bad = scene.worker(host="n1"), scene.worker(host="n2")
    found = scene.claim(bad)
    scene.complete(bad, found[:1], JobStatus.FAILED)
    scene.complete(bad, found[1:])
    ids = [claim.job_id for claim in found]
    assert suspects.try_elsewhere(scene.database, bad, ids, "") == 1
    scene.complete(good, scene.claim(good))
    suspects.try_elsewhere(scene.database, bad, ids, "")
    assert scene.counts() == {"completed": 2}
