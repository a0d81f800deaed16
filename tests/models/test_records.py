"""Records and statuses: what users write is understood, or refused by name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from torc_nb.errors import InvalidRequest
from torc_nb.models import (
    CLAIMED,
    FINISHED,
    MOVES,
    UNSUCCESSFUL,
    JobStatus,
    Request,
    ResourceRequirementsModel,
    SlurmSchedulerModel,
    WorkflowModel,
)
from torc_nb.models.quantities import GIB, MIB


def test_requirements_as_users_write_them() -> None:
    """Memory and durations are read, and come out as the tuple that ``fits`` takes."""
    asked = ResourceRequirementsModel(workflow_id=1, num_cpus=4, memory="20g", runtime="P0DT1H", timeout="02:00:00")
    assert asked.request == Request(4, 0, 20 * GIB, 3600.0, 7200.0)
    assert ResourceRequirementsModel(workflow_id=1).request == Request()
    asked.memory = "1g"  # type: ignore[assignment]
    assert asked.memory == GIB


@pytest.mark.parametrize("wrong", [{"num_cpus": 0}, {"num_gpus": -1}, {"memory": "much"}, {"num_cpu": 4}])
def test_nonsense_is_refused_by_the_fields_name(wrong: dict[str, object]) -> None:
    """A field that does not exist is as wrong as a value that cannot be."""
    with pytest.raises((ValidationError, InvalidRequest), match=next(iter(wrong)) if "memory" not in wrong else "much"):
        ResourceRequirementsModel(workflow_id=1, **wrong)  # type: ignore[arg-type]


def test_a_schedulers_bare_numbers_are_mebibytes() -> None:
    """``mem`` as in sbatch; a record read back from the database keeps its bytes."""
    scheduler = SlurmSchedulerModel(mem=4000, walltime="04:00:00")
    assert (scheduler.mem, scheduler.walltime) == (4000 * MIB, 14400.0)
    assert SlurmSchedulerModel(**scheduler.model_dump()) == scheduler
    assert SlurmSchedulerModel(mem="180G").mem == 180 * GIB


def test_unknown_fields_of_a_workflow_are_refused() -> None:
    """A typing error is not swallowed."""
    with pytest.raises(ValidationError, match="nmae"):
        WorkflowModel(name="x", nmae="y")  # type: ignore[call-arg]


def test_every_status_has_a_sentence_and_its_moves() -> None:
    """The help text and the table of moves know all of them."""
    assert set(MOVES) == set(JobStatus)
    assert all(status.sentence.endswith(".") for status in JobStatus)
    assert len({status.sentence for status in JobStatus}) == len(JobStatus)


def test_moves_agree_with_the_groups_of_statuses() -> None:
    """Only claimed jobs fail; what finished goes back to waiting alone."""
    for status, moves in MOVES.items():
        assert status not in moves
        assert (JobStatus.FAILED in moves) == (status in CLAIMED)
        assert (JobStatus.COMPLETED in moves) == (status in {*CLAIMED, JobStatus.READY})
        if status in FINISHED:
            assert moves <= {JobStatus.READY, JobStatus.BLOCKED, JobStatus.DISABLED}
        assert status.is_finished == (status in FINISHED)
    assert UNSUCCESSFUL < FINISHED
    assert not CLAIMED & FINISHED


def test_a_status_is_read_by_name_or_number() -> None:
    """As users type it, as the database keeps it; a wrong name lists the right ones."""
    assert JobStatus.parse("Completed") is JobStatus.parse(5) is JobStatus.parse(JobStatus.COMPLETED)
    with pytest.raises(InvalidRequest, match=r"'done'.*completed"):
        JobStatus.parse("done")
    with pytest.raises(InvalidRequest, match="17"):
        JobStatus.parse(17)
