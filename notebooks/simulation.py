"""A small simulation, as a module beside the notebooks."""

import time


def run(params: dict) -> dict:
    """Run one simulation on a set of input parameters."""
    time.sleep(0.1)
    return {
        "result": params["input1"] * params["input2"] + params["input3"],
        "output_data_path": f"/projects/my-project/{params['job_name']}",
    }


def postprocess(results: list[dict]) -> dict:
    """Collect the results of all simulations."""
    return {
        "total": sum(result["result"] for result in results),
        "output_data_paths": [result["output_data_path"] for result in results],
    }
