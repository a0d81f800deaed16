"""What is handed to sbatch where Jupyter runs inside a Slurm job."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from services.slurm_cluster import SlurmCluster

from torc_nb.slurm import inherited_environment


def test_the_job_goes_and_the_cluster_stays() -> None:
    """Variables of the job and its launcher go, those of the site and the user stay."""
    inside = {
        "SLURM_JOB_ID": "7",
        "SLURM_MEM_PER_CPU": "1000",
        "SLURMD_NODENAME": "n1",
        "SBATCH_MEM_BIND": "local",
        "PMI_RANK": "0",
        "PMIX_RANK": "0",
        "OMPI_COMM_WORLD_SIZE": "2",
        "CUDA_VISIBLE_DEVICES": "0",
    }
    kept = {
        "SLURM_CONF": "/etc/s.conf",
        "SLURM_CLUSTERS": "big",
        "SBATCH_ACCOUNT": "mine",
        "PATH": "/bin",
        "HOME": "/h",
    }
    given = inside | kept
    assert inherited_environment(given) == kept
    assert given == inside | kept


def test_outside_a_job_the_users_choice_of_gpus_stays() -> None:
    """A CUDA_VISIBLE_DEVICES that no job has set is the user's."""
    chosen = {"CUDA_VISIBLE_DEVICES": "1"}
    assert inherited_environment(chosen) == chosen


def test_a_real_job_leaves_nothing_of_itself(slurm: SlurmCluster, tmp_path: Path) -> None:
    """What a real job's environment adds by Slurm is all recognised, and sbatch works from within it."""
    output = tmp_path / "environment.json"
    code = f"import json, os; json.dump(dict(os.environ), open({str(output)!r}, 'w'))"
    slurm.sbatch("--cpus-per-task=2", "--mem=100", "--wait", script=f"{sys.executable} -c {json.dumps(code)}")
    inside = json.loads(output.read_text())
    assert inside["SLURM_JOB_ID"]
    clean = inherited_environment(inside)
    assert [name for name in clean if "SLURM" in name] == ["SLURM_CONF"]

    # With the job's own variables this asks for 100 MiB and 2 CPUs a task without having said so.
    command = ["sbatch", "--parsable", f"--output={tmp_path}/out", "--wrap=true"]
    job_id = subprocess.run(command, env=clean, capture_output=True, text=True, check=True).stdout.strip()
    deadline = time.monotonic() + 30
    while "COMPLETED" not in (shown := slurm.run("scontrol", "show", "job", job_id)):
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    assert "CPUs/Task=1" in shown
    assert "MinMemoryCPU=1000M" in shown
