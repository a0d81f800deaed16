"""Nodes that a workflow leaves alone: found broken by a worker, or named by the user."""

from __future__ import annotations

import pytest
from store.scene import Scene

from torc_nb.errors import NotFound
from torc_nb.store import events, exclusions, suspects


def test_a_suspected_node_is_remembered(scene: Scene) -> None:
    """With the reason, when, and by which worker; once, whoever else suspects it; of this workflow alone."""
    bad, later = scene.worker(host="n2"), scene.worker(host="n2")
    suspects.announce(scene.database, bad, "all failed", "n2")
    suspects.announce(scene.database, later, "all failed again", "n2")
    (found,) = exclusions.listed(scene.database, scene.id)
    assert (found.node, found.reason, found.worker_id) == ("n2", "all failed", bad.id)
    assert found.excluded is not None
    told = [one for one in events.listed(scene.database, scene.id) if one.kind == "node excluded"]
    assert [(one.worker_id, one.data) for one in told] == [(bad.id, {"node": "n2", "reason": "all failed"})]
    assert exclusions.names(scene.database, scene.id + 1) == []


def test_this_machine_is_not(scene: Scene) -> None:
    """It has no name that Slurm knows."""
    suspects.announce(scene.database, scene.worker(), "all failed")
    assert exclusions.listed(scene.database, scene.id) == []


def test_the_user_has_the_last_word(scene: Scene) -> None:
    """A node is excluded once, and allowed again; one that is not excluded cannot be."""
    assert exclusions.add(scene.database, scene.id, "n3", "it hums")
    assert not exclusions.add(scene.database, scene.id, "n3", "it roars")
    assert exclusions.add(scene.database, scene.id, "n1", "")
    assert exclusions.names(scene.database, scene.id) == ["n1", "n3"]
    assert exclusions.reason(scene.database, scene.id, "n3") == "it hums"
    exclusions.remove(scene.database, scene.id, "n3")
    assert exclusions.reason(scene.database, scene.id, "n3") is None
    with pytest.raises(NotFound, match=r"'n3' is not excluded; of this workflow there are: n1\."):
        exclusions.remove(scene.database, scene.id, "n3")
