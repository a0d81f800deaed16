"""What map says of jobs that fit nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from api.test_launching import until

from torc_nb.api import Api
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel


def notes(api: Api, workflow: WorkflowModel, name: str = "one", **request: object) -> str:
    """What map says besides what became of the rows."""
    assert workflow.id is not None
    asked = ResourceRequirementsModel(workflow_id=workflow.id, **request)  # type: ignore[arg-type]
    mapped = api.map_function(workflow.id, lambda x: x, [1], name=name, requirement=asked)
    return "\n".join(mapped.notes)


def test_larger_than_this_machine(api: Api, workflow: WorkflowModel) -> None:
    """A note with the numbers, and no error: she may map on a laptop for a cluster."""
    assert "do not fit this machine (each asks for 5000 CPUs of " in notes(api, workflow, num_cpus=5000)
    assert "100 TB of memory of" in notes(api, workflow, "two", memory="100T")
    assert api.progress(workflow.id or 0).total == 2
    assert notes(api, workflow, "three", num_cpus=1) == ""


def test_schedulers_decide_where_there_are_some(api: Api, workflow: WorkflowModel) -> None:
    """The machine at hand is then no matter; what a scheduler leaves open may be as large as it likes."""
    assert workflow.id is not None

    def add(name: str, **options: object) -> None:
        api.create_slurm_scheduler(SlurmSchedulerModel(workflow_id=workflow.id, name=name, **options))  # type: ignore[arg-type]

    add("small", cpus=4, mem="8g", gres="gpu:a100:2", walltime=3600)
    assert notes(api, workflow, "fits", num_cpus=4, num_gpus=2, memory="8g", runtime="1h") == ""
    for name, request, numbers in [
        ("cpus", {"num_cpus": 5}, "5 CPUs of 4"),
        ("gpus", {"num_gpus": 3}, "3 GPUs of 2"),
        ("memory", {"memory": "9g"}, "9 GB of memory of 8 GB"),
        ("runtime", {"runtime": "2h"}, "2 h 00 min of 1 h 00 min"),
    ]:
        said = notes(api, workflow, name, **request)
        assert f"fit no worker or scheduler that is known (each asks for {numbers})" in said
    add("endless", cpus=4, mem="8g", gres="gpu:2")
    assert "5 CPUs of 4" in notes(api, workflow, "again", num_cpus=5, runtime="2h")
    add("any")
    assert notes(api, workflow, "large", num_cpus=5000, num_gpus=8, memory="100T", runtime="1000h") == ""


def test_profiles_count_and_broken_ones_do_no_harm(
    api: Api, workflow: WorkflowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own schedulers are known to every workflow."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "torc_nb" / "config.toml"
    file.parent.mkdir()
    file.write_text("[schedulers.big]\ncpus = 6000\n")
    assert notes(api, workflow, num_cpus=5000) == ""
    file.write_text("[schedulers.big\n")
    assert "do not fit this machine" in notes(api, workflow, "two", num_cpus=5000)


def test_worker_that_is_there_is_known(api: Api, workflow: WorkflowModel) -> None:
    """Its numbers are named; and of a map all of whose jobs are done nothing is said."""
    assert workflow.id is not None
    assert notes(api, workflow) == ""
    api.run(workflow.id, num_cpus=1, memory=2**30)
    until(lambda: api.progress(workflow.id or 0).is_done and api.progress(workflow.id or 0).workers)
    said = notes(api, workflow, "large", num_cpus=2, memory="2g")
    assert "each asks for 2 CPUs of 1 and 2 GB of memory of 1 GB" in said
    assert notes(api, workflow, num_cpus=2) == ""
