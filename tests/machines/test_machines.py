"""Workers and a private server on several machines: cables pulled, machines lost, allocations preempted."""

from __future__ import annotations

import os
import time

import pytest

from .conftest import DESK, NODES, Lab

#: How long the server stays out of reach, in seconds, beyond the moment in which that is noticed.
OUTAGE = float(os.environ.get("TORC_NB_OUTAGE_SECONDS", "0"))

pytestmark = pytest.mark.timeout(300 + OUTAGE)

FIRST, SECOND = NODES

#: A kernel that looks again and again, and writes down what it is told.
KERNEL = """
import time
from pathlib import Path
from torc_nb import Workflow
from torc_nb.errors import TorcError

wf = Workflow("sweep")
while not Path("done").exists():
    try:
        said = str(sorted(status.label for status in wf.status().statuses))
    except TorcError as error:
        said = f"{type(error).__name__}: {error}"
    said = said.replace("\\n", " ")
    with Path("told").open("a") as told:
        told.write(f"{said}\\n")
    time.sleep(0.1)
"""


def began_once(lab: Lab, rows: int) -> None:
    """No job was begun a second time."""
    assert sorted(row for row, _, what in lab.ran if what == "began") == list(range(rows))


def test_a_map_over_two_nodes(lab: Lab) -> None:
    """The server is reached over the network, and workers are called as their hosts are."""
    lab.begin(40)
    lab.let_all_go()
    facts = lab.finished()
    began_once(lab, 40)
    assert sorted(facts["hosts"].values()) == sorted(NODES)
    assert {host for _, host, _ in lab.ran} == set(NODES)
    standing = lab.on(FIRST).facts("db", "status")
    assert standing["state"] == "running"
    assert standing["where"].startswith(f"{lab.hosts[DESK].address}:")


def test_a_node_is_cut_off_for_longer_than_its_lease(lab: Lab) -> None:
    """Others take over what it ran; what it has when it is back counts where nobody was faster, and is late else."""
    lab.begin(4)
    overtaken, ahead = lab.rows(SECOND)
    lab.hosts[SECOND].pull_cable()
    lab.let_go(FIRST, *lab.rows(FIRST))
    lab.until(lambda: {overtaken, ahead} <= set(lab.rows(FIRST)))
    lab.let_go(FIRST, overtaken)
    lab.until(lambda: lab.facts()["statuses"] == {"completed": 3, "running": 1})
    lab.let_go(SECOND, overtaken, ahead)
    lab.until(lambda: len(lab.rows(SECOND, "ended")) == 2)
    lab.hosts[SECOND].plug_in()
    facts = lab.finished()
    (cut_off,) = [worker for worker, host in facts["hosts"].items() if host == SECOND]
    (other,) = [worker for worker, host in facts["hosts"].items() if host == FIRST]
    is_late = {(row, str(worker)): late for row, _, late, worker in facts["attempts"]}
    assert is_late[overtaken, cut_off]
    assert not is_late[overtaken, other]
    assert not is_late[ahead, cut_off]
    assert ahead not in lab.rows(FIRST, "ended")
    told = [(kind, str(worker)) for kind, worker, _ in facts["events"]]
    assert ("worker lost", cut_off) in told
    assert ("worker lost", other) not in told


def test_the_servers_machine_is_lost(lab: Lab) -> None:
    """Who finds it gone starts it where it is; what ended meanwhile arrives once, and nothing runs again."""
    lab.begin(8)
    lab.hosts[DESK].power_off()
    for node in NODES:
        lab.let_go(node, *lab.rows(node))
    lab.until(lab.servers)
    (now,) = lab.servers()
    assert now in NODES
    lab.let_all_go()
    lab.finished(SECOND)
    began_once(lab, 8)
    lab.hosts[DESK].boot()
    lab.on(DESK).torc("db", "start", "--backups", "none")
    standing = lab.on(DESK).facts("db", "status")
    assert standing["where"].startswith(f"{lab.hosts[now].address}:")
    assert lab.started() == [DESK, now]


def test_the_servers_machine_hangs(lab: Lab) -> None:
    """While it holds the data nobody else opens them, and who asks is told where they are; then one does."""
    lab.begin(4)
    lab.hosts[DESK].pull_cable()
    lab.hosts[DESK].freeze()
    said = lab.on(FIRST).torc("jobs", "list", code=1)
    assert f"is held by {DESK}, where it has done nothing for 4 s" in said
    for node in NODES:
        lab.let_go(node, *lab.rows(node))
    assert lab.servers() == {DESK}
    lab.hosts[DESK].power_off()
    lab.finished(FIRST)
    began_once(lab, 4)
    (_, now) = lab.started()
    assert now in NODES


def test_the_servers_cable_is_pulled_for_a_while(lab: Lab) -> None:
    """Who asks is told what is wrong, jobs go on, no second server comes; with the cable all goes on by itself."""
    lab.begin(8)
    kernel = lab.on(FIRST).begin(KERNEL)
    lab.until(lambda: lab.told)
    lab.hosts[DESK].pull_cable()
    lab.until(lambda: "DatabaseUnavailable" in lab.told[-1])
    time.sleep(OUTAGE)
    for node in NODES:
        lab.let_go(node, *lab.rows(node))
    lab.until(lambda: [len(lab.rows(node, "ended")) for node in NODES] == [len(lab.rows(node)) for node in NODES])
    assert f"does not answer: connection failed: connection to server at \"{lab.hosts[DESK].address}\"" in lab.told[-1]
    lab.hosts[DESK].plug_in()
    lab.until(lambda: "ready" in lab.told[-1] or "running" in lab.told[-1] or "completed" in lab.told[-1])
    lab.let_all_go()
    lab.finished()
    (lab.folder / "done").touch()
    said, _ = kernel.communicate(timeout=30)
    assert kernel.returncode == 0, said
    began_once(lab, 8)
    assert lab.started() == [DESK]


def test_an_allocation_is_preempted(lab: Lab) -> None:
    """By a job of a higher partition: its jobs are given back, and its worker comes again."""
    lab.begin(6)
    lab.cluster.sbatch("--partition=urgent", f"--nodelist={SECOND}", "--exclusive", script="sleep 1")
    lab.until(lambda: len(lab.rows(SECOND)) == 4)
    lab.let_all_go()
    facts = lab.finished()
    assert sorted(facts["hosts"].values()) == [FIRST, SECOND, SECOND]
    told = [(kind, data.get("message")) for kind, _, data in facts["events"]]
    assert ("worker left", "it was stopped by SIGTERM") in told
    assert "worker lost" not in [kind for kind, _ in told]
    assert "job failed" not in [kind for kind, _ in told]
