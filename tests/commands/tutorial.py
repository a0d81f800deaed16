"""The tutorial's module and script as it prints them, with the imports and the address changed and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SIMULATION = '''\
def run(input_params: dict) -> dict:
    """Runs one simulation on a set of input parameters.

    Returns
    -------
    dict
        Result of the simulation.
    """
    job_name = input_params["job_name"]
    return {
        "inputs": input_params,
        "result": 5,
        "output_data_path": f"/projects/my-project/{job_name}",
    }


def postprocess(results: list[dict]) -> dict:
    """Collects the results of the workers and performs postprocessing.

    Parameters
    ----------
    results : list[dict]
        Results from each simulation

    Returns
    -------
    dict
        Final result
    """
    total = 0
    paths = []
    for result in results:
        assert "result" in result
        assert "output_data_path" in result
        total += result["result"]
        paths.append(result["output_data_path"])
    return {"total": total, "output_data_paths": paths}
'''

SCRIPT = """\
import getpass
import os

from torc_nb import make_api, map_function_to_jobs
from torc_nb import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel


TORC_BASE_URL = os.getenv("TORC_BASE_URL", "torc.db")

api = make_api(TORC_BASE_URL)
params = [
    {"input1": 1, "input2": 2, "input3": 3},
    {"input1": 4, "input2": 5, "input3": 6},
    {"input1": 7, "input2": 8, "input3": 9},
]
workflow = api.create_workflow(WorkflowModel(
    user=getpass.getuser(),
    name="my_workflow",
    description="My workflow",
))
assert workflow.id is not None
rr = api.create_resource_requirements(
    ResourceRequirementsModel(workflow_id=workflow.id, name="medium", num_cpus=4, memory="20g", runtime="P0DT1H"),
)
jobs = map_function_to_jobs(
    api,
    workflow.id,
    "simulation",
    "run",
    params,
    resource_requirements_id=rr.id,
    # Note that this is optional.
    postprocess_func="postprocess",
)
scheduler = api.create_slurm_scheduler(
    SlurmSchedulerModel(
        workflow_id=workflow.id,
        name="short",
        account="my_account",
        mem="180224",
        walltime="04:00:00",
        nodes=1,
    ),
)
print(f"Created workflow with ID {workflow.id} {len(jobs)} jobs.")
"""


def with_job_names(script: str) -> str:
    """Give each set of parameters the key that the module reads, and that the printed ones lack."""
    for number in (1, 4, 7):
        script = script.replace(f'{{"input1": {number},', f'{{"job_name": "job{number}", "input1": {number},')
    return script


def asking_less(script: str) -> str:
    """Let a job ask for what any machine has."""
    return script.replace('num_cpus=4, memory="20g"', 'num_cpus=1, memory="200m"')


def write(folder: Path, script: str) -> None:
    """Put the module and the script into a folder."""
    (folder / "simulation.py").write_text(SIMULATION)
    (folder / "make_workflow.py").write_text(script)


def run(folder: Path, **variables: str) -> str:
    """Run the script in its folder, as ``python <your-script>``; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "make_workflow.py"],
        cwd=folder, capture_output=True, text=True, timeout=60, env=os.environ | variables,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
