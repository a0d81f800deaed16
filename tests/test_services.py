"""The services that the tests stand on are gone afterwards, whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from services.keeper import named
from services.slurm_accounting import AccountingCluster
from services.slurm_cluster import SlurmCluster

KILLED_WITH_SLURM = """
import os, time
from services.slurm_cluster import SlurmCluster

cluster = SlurmCluster(nodes=1).start()
cluster.sbatch(script="env -i setsid sleep 600")
cluster.sbatch("--export=NONE", script="trap '' INT TERM; sleep 600")
while len(cluster.squeue("--states=RUNNING")) < 2:
    time.sleep(0.1)
print(cluster.folder, flush=True)
os.kill(os.getpid(), 9)
"""

KILLED_WITH_POSTGRES = """
import os, psycopg
from services.postgres_server import PostgresServer

server = PostgresServer().start()
connection = psycopg.connect(server.create_database().replace("+psycopg", ""))
print(server.folder, flush=True)
os.kill(os.getpid(), 9)
"""


KILLED_WITH_JUPYTER = """
import os
from services.jupyter import KERNEL, JupyterServer

server = JupyterServer().start()
room = server.make_room()
(room / "notebook.ipynb").write_text("{}")
path = str((room / "notebook.ipynb").relative_to(server.root))
session = {"path": path, "name": "", "type": "notebook", "kernel": {"name": KERNEL["name"]}}
server.request("POST", "/api/sessions", session)
print(server.folder, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(
    "script",
    [KILLED_WITH_SLURM, KILLED_WITH_POSTGRES, KILLED_WITH_JUPYTER],
    ids=["slurm", "postgres", "jupyter"],
)
def test_nothing_outlives_tests_that_are_killed(script: str, request: pytest.FixtureRequest) -> None:
    """Daemons, jobs that hide from their job, kernels, and the folder go when the tests' process is killed."""
    if "jupyter" not in script:
        request.getfixturevalue("slurm_cluster" if "slurm" in script else "postgres_server")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = Path(done.stdout.strip())
    deadline = time.monotonic() + 20
    while folder.exists() or named(folder, spared=set()):
        assert time.monotonic() < deadline, named(folder, spared=set())
        time.sleep(0.1)


def test_a_killed_node_daemon_leaves_its_job_running(slurm_cluster: SlurmCluster) -> None:
    """A slurmd can go and come back under a running job, as on a node that is repaired."""
    with SlurmCluster(nodes=2) as cluster:
        began, done = cluster.folder / "began", cluster.folder / "done"
        job_id = cluster.sbatch("--nodelist=n2", script=f"touch {began}; sleep 3; touch {done}")
        while not began.exists():  # what slurmd has only half begun when it is killed fails
            time.sleep(0.1)
        cluster.kill_slurmd("n2")
        cluster.start_slurmd("n2")
        deadline = time.monotonic() + 30
        while "COMPLETED" not in (shown := cluster.run("scontrol", "show", "job", job_id)):
            assert time.monotonic() < deadline, shown
            time.sleep(0.1)
        assert done.exists()


def test_a_database_server_comes_back_with_its_data(request: pytest.FixtureRequest) -> None:
    """What was committed is there after the server was away."""
    request.getfixturevalue("postgres_server")
    import psycopg
    from services.postgres_server import PostgresServer

    with PostgresServer() as server:
        address = server.create_database().replace("+psycopg", "")
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        server.shut_down()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address)
        server.bring_up()
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_limits_are_enforced_where_slurm_keeps_account(accounting: AccountingCluster) -> None:
    """A user may submit as many jobs as she may, under her account; without a limit any number."""
    accounting.limit(MaxSubmitJobs=2)
    accounting.sbatch("--array=0-1", "--begin=now+1hour", script="true")
    with pytest.raises(RuntimeError, match="AssocMaxSubmitJobLimit"):
        accounting.sbatch(script="true")
    accounting.limit(MaxSubmitJobs=-1)
    accounting.sbatch(script="true")
    with pytest.raises(RuntimeError, match="Invalid account"):
        accounting.sbatch("--account=nobodys", script="true")
