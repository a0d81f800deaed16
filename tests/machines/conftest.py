"""A laboratory: a scientist's desk and two nodes, each a machine of its own, and a study that all of them see."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos.alterations import Alterations, write
from server_db.conftest import Study
from services.hosts import USER, Hosts
from services.keeper import Keeper
from services.slurm_on_hosts import SlurmOnHosts
from services.workers import SEARCH_PATH

#: Where the database is at first and the scientist works; it is no node, and may be lost.
DESK = "desk"
NODES = ("n1", "n2")

#: As with users, but faster: a worker is lost, and a silent connection given up, in a tenth of the time.
TIMES: Alterations = {
    "torc_nb.store.leases": "LEASE = 4.0",
    "torc_nb.store.server": "SILENCE = 2.0\nPATIENCE = 4",
    "torc_nb.store.address": "_ASK_AGAIN = 2.0",
    "torc_nb.server_db.lease": "BEAT, LEASE = 0.5, 4.0\nLease.stands_still.__defaults__ = (LEASE,)",
    "torc_nb.worker.ledger": "HEARTBEAT, HEARING, INSPECTION, LONGEST_WAIT = 0.5, 0.5, 1.0, 1.0",
    "torc_nb.api.launching": "ASK_AGAIN = 0.5",
}

#: A job ends when it is let go, alone on its host or with all; what it does it writes down, outside the database.
BEGIN = """
import socket, time
from pathlib import Path
from torc_nb import Workflow

def run(x):
    host = socket.gethostname()

    def note(what):
        with Path("ran").open("a") as ran:
            ran.write(f"{x} {host} {what}\\n")

    note("began")
    while not (Path("go").exists() or Path(f"go-{x}-{host}").exists()):
        time.sleep(0.02)
    note("ended")
    return x * x

wf = Workflow("sweep")
wf.map(run, range(ROWS))
wf.schedule_nodes(2)
"""
FACTS = """
import json
from torc_nb import Workflow
wf = Workflow("sweep")
print(json.dumps({
    "values": wf["run"].results()["result"].tolist(),
    "statuses": {status.label: n for status, n in wf.status().statuses.items()},
    "hosts": {int(id): host for id, host in wf.workers()["host"].items()},
    "attempts": [[one.job_id - 1, one.attempt, one.late, one.worker_id] for one in wf.api.list_results(wf.id)],
    "events": [[one.kind, one.worker_id, one.data] for one in wf.api.list_events(wf.id)],
}, default=str))
"""
WAIT = """
from torc_nb import Workflow
Workflow("sweep")["run"].wait(timeout=60, progress=False)
"""


class Lab:
    """The machines, and a study in a folder that they share."""

    def __init__(self, hosts: Hosts, cluster: SlurmOnHosts, folder: Path) -> None:
        self.hosts = hosts
        self.cluster = cluster
        self.folder = folder
        write(folder / "altered", TIMES)

    def on(self, name: str) -> Study:
        """The study, as one sees it who sits at a machine."""
        variables = {
            **self.cluster.environment, "PYTHONPATH": os.pathsep.join([str(self.folder / "altered"), SEARCH_PATH]),
            "USER": USER, "LOGNAME": USER,
        }  # fmt: skip
        return Study(self.folder, self.hosts[name].within(self.folder), **variables)

    @property
    def ran(self) -> list[tuple[int, str, str]]:
        """What the jobs wrote down: row, host, and what it did."""
        path = self.folder / "ran"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(row), host, what) for row, host, what in map(str.split, lines)]

    @property
    def told(self) -> list[str]:
        """What a kernel was told that looks again and again."""
        path = self.folder / "told"
        return path.read_text().splitlines() if path.exists() else []

    def rows(self, host: str, what: str = "began") -> list[int]:
        """The rows that a host began, or ended."""
        return [row for row, where, did in self.ran if (where, did) == (host, what)]

    def let_go(self, host: str, *rows: int) -> None:
        """Let jobs end on a host."""
        for row in rows:
            (self.folder / f"go-{row}-{host}").touch()

    def let_all_go(self) -> None:
        """Let every job end, wherever it runs."""
        (self.folder / "go").touch()

    def begin(self, rows: int) -> None:
        """Start a server and map rows, from the desk, and wait until each node has begun two of them."""
        self.on(DESK).torc("db", "start", "--backups", "none")
        self.on(DESK).python(f"ROWS = {rows}" + BEGIN)
        self.until(lambda: all(len(self.rows(node)) == 2 for node in NODES))

    def facts(self, host: str = DESK) -> dict[str, Any]:
        """What the database knows now, as a kernel on a host sees it."""
        found: dict[str, Any] = json.loads(self.on(host).python(FACTS).splitlines()[-1])
        return found

    def finished(self, host: str = DESK) -> dict[str, Any]:
        """What the database knows once all jobs have finished, and nobody has left anything."""
        self.on(host).python(WAIT)
        self.until(lambda: not self.cluster.squeue())
        facts = self.facts(host)
        assert facts["values"] == [x * x for x in range(len(facts["values"]))]
        assert set(facts["statuses"]) == {"completed"}
        counting = [row for row, _, late, _ in facts["attempts"] if not late]
        assert sorted(counting) == list(range(len(facts["values"])))
        assert list(self.folder.glob(".torc/files/*/spool/*")) == []
        return facts

    def servers(self) -> set[str]:
        """The machines on which a server runs on the study's data."""
        pids = [one.pid for one in self.on(NODES[0]).servers()]
        return {name for name in (DESK, *NODES) if any(self.hosts[name].runs(pid) for pid in pids)}

    def started(self) -> list[str]:
        """The machines on which a server was ever started, in their order, by its own log."""
        log = (self.folder / ".torc" / "server" / "server.log").read_text()
        names = {self.hosts[name].address: name for name in (DESK, *NODES)}
        found = re.findall(r'listening on IPv4 address "([^"]+)"', log)
        return [names[address] for address in found if address in names]

    def until(self, condition: Callable[[], object], seconds: float = 80.0) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not come to pass; the jobs: {self.ran}\n{self._logs()}"
            time.sleep(0.05)

    def _logs(self) -> str:
        logs = [*self.folder.glob(".torc/server/*.log"), *self.folder.glob(".torc/files/*/launches/**/*log*")]
        texts = [f"--- {path}\n{path.read_text(errors='replace')[-2000:]}" for path in logs if path.is_file()]
        return "\n".join([*texts, self.cluster.log(10)])


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    """The machines."""
    if why := Hosts.missing():
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(f"several machines cannot be had: {why} (in CI every service has to be there)")
        pytest.skip(f"several machines cannot be had here: {why}")
    with Hosts((DESK, *NODES)) as made:
        yield made


@pytest.fixture(scope="session")
def cluster(hosts: Hosts, needs_slurm: None) -> Iterator[SlurmOnHosts]:
    """A Slurm on the nodes."""
    with SlurmOnHosts(hosts, NODES) as made:
        yield made


@pytest.fixture
def lab(hosts: Hosts, cluster: SlurmOnHosts) -> Iterator[Lab]:
    """A study of its own; afterwards all machines are as they were."""
    folder = Path(tempfile.mkdtemp(prefix="torc-nb-lab-"))
    keeper = Keeper(folder)
    try:
        yield Lab(hosts, cluster, folder)
    finally:
        for name in (DESK, *NODES):
            hosts[name].restore()
        keeper.clean()
        cluster.clear()
