"""What a job is said to need, as the record that every face hands on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from torc_nb.models import ResourceRequirementsModel
from torc_nb.models.quantities import parse_duration, parse_memory


def requirement_of(
    workflow_id: int,
    *,
    num_cpus: int,
    num_gpus: int,
    memory: str | int | None,
    runtime: str | float | timedelta | None,
    timeout: str | float | timedelta | None,
) -> ResourceRequirementsModel:
    """Read what a job is said to need: memory as ``"20g"`` or bytes, times as ``"1h"`` or seconds.

    Raises
    ------
    InvalidRequest
        One of them makes no sense.
    """
    asked = resources_of(num_cpus=num_cpus, num_gpus=num_gpus, memory=memory, runtime=runtime, timeout=timeout)
    return ResourceRequirementsModel(workflow_id=workflow_id, **asked)


def resources_of(
    *,
    num_cpus: int | None = None,
    num_gpus: int | None = None,
    memory: str | int | None = None,
    runtime: str | float | timedelta | None = None,
    timeout: str | float | timedelta | None = None,
) -> dict[str, Any]:
    """Read those resources that are given.

    Raises
    ------
    InvalidRequest
        One of them makes no sense.
    """
    found = {
        "num_cpus": num_cpus,
        "num_gpus": num_gpus,
        "memory": None if memory is None else parse_memory(memory),
        "runtime": None if runtime is None else parse_duration(runtime),
        "timeout": None if timeout is None else parse_duration(timeout),
    }
    return {name: value for name, value in found.items() if value is not None}
