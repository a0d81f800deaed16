"""An executor on Slurm's nodes, and the kernel that made it gone."""

from __future__ import annotations

from pathlib import Path

from integration.conftest import until
from services.kernel import Kernel
from services.slurm_cluster import SlurmCluster

from torc_nb.api import Api
from torc_nb.workflow import Workflow


def test_nodes(slurm: SlurmCluster, api: Api, tmp_path: Path) -> None:
    """They run the calls, stay while the executor is open, and end with it."""
    wf = Workflow("study", files=tmp_path / "files")
    with wf.executor(nodes=2) as ex:
        assert list(ex.map(pow, range(200), [2] * 200)) == [x**2 for x in range(200)]
        workers = [one for one in wf.api.list_workers(wf.id) if one.state == "running"]
        assert workers, "a node left as soon as nothing was left to do"
        assert ex.submit(pow, 3, 2).result(60) == 9
    until(lambda: not [one for one in wf.api.list_allocations(wf.id) if one.state in ("submitted", "running")])
    wf.api.database.close()


def test_a_killed_kernel_loses_no_call(api: Api, kernel: Kernel, tmp_path: Path) -> None:
    """Workers go on without it; in a new kernel the calls are a map."""
    kernel.run(f"""
import time
from torc_nb import Workflow

def work(x):
    time.sleep(0.01)
    return 2 * x

wf = Workflow("study", files={str(tmp_path / "files")!r})
ex = wf.executor(local=1)
futures = [ex.submit(work, x) for x in range(100)]
while any(future.job_id is None for future in futures):
    time.sleep(0.01)
""")
    kernel.kill()
    wf = Workflow("study")
    wf.wait(timeout=60, progress=False)
    assert wf["executor:work"].results()["result"].tolist() == [2 * x for x in range(100)]
    wf.api.database.close()
