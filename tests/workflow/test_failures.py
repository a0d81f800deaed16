"""Failures from the notebook: grouped with what they share, reproduced, and run again with other resources."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from torc_nb import current_job
from torc_nb.errors import InvalidRequest, NotFound
from torc_nb.workflow import Workflow

Finish = Callable[[], None]


def solve(mesh: float, method: str) -> float:
    """Fail in two places of its own, one of them by way of the standard library."""
    if method == "ilu" and mesh >= 0.05:
        return checked(mesh)
    if mesh < 0.02:
        import json

        json.loads("no json")
    return mesh


def checked(mesh: float) -> float:
    """Fail in a helper."""
    raise ValueError(f"{mesh} does not converge")


GRID = [{"mesh": n / 100, "method": method} for n in range(1, 9) for method in ("ilu", "lu")]


def test_failures_are_grouped_by_exception_and_place(wf: Workflow, finish: Finish) -> None:
    """The innermost line of the user's own code, not the library's; what all share and not all others have."""
    m = wf.map(solve, GRID)
    finish()
    found = m.failures()
    assert found["exception"].tolist() == ["ValueError", "json.decoder.JSONDecodeError"]
    assert found["count"].tolist() == [4, 2]
    checked_at, loads_at = found["where"]
    assert checked_at.startswith("test_failures.py, checked, line ")
    assert checked_at.endswith('raise ValueError(f"{mesh} does not converge")')
    assert loads_at.endswith('json.loads("no json")')
    ours, mesh = found["shared"]
    assert ours == "method == 'ilu' (also 3 of 10 completed)"
    assert mesh.startswith("mesh < 0.02 (others >= 0.02)")
    assert found.loc[0, "jobs"] == sorted(found.loc[0, "jobs"])
    assert len(found.loc[0, "jobs"]) == 4
    assert found["group"].tolist() == wf.failures()["group"].tolist()


def test_hostile_parameters_do_not_break_it(wf: Workflow, finish: Finish) -> None:
    """NaN, texts of 10 MB, nested dicts, names that no one would choose: what can be told is told."""

    def run(p: Any) -> None:
        if p["bad"]:
            raise RuntimeError("<script>alert(1)</script>")

    odd = {"nan": float("nan"), "é🦆\n": {"b": [1, {2}]}, "long": "x" * 70_000, "\0": "\0"}
    wf.map(run, [{"bad": n % 2 == 0, "big": "y" * (10_000_000 if n == 0 else 10), **odd} for n in range(6)])
    finish()
    (row,) = wf.failures().itertuples()
    assert row.exception == "RuntimeError"
    assert "<script>" not in wf.failures()._repr_html_()


def test_a_job_is_reproduced(wf: Workflow, finish: Finish) -> None:
    """Its code, parameters, random numbers and place; the kernel's own streams and folder stay as they were."""

    def run(p: dict[str, int]) -> tuple[float, int, int]:
        if p["n"] == 1:
            raise LookupError("no n")
        return random.random(), current_job().id, p["n"]

    m = wf.map(run, [{"n": n} for n in range(3)], unpack=False)
    finish()
    ids = wf.jobs().index.tolist()
    call = wf.reproduce(ids[0])
    random.seed(5)
    state = random.getstate()
    assert call() == m.value(ids[0])
    assert random.getstate() == state
    assert call.args == ({"n": 0},)
    assert call.error is None
    failed = wf.reproduce(ids[1])
    assert repr(failed) == (
        f"Reproduction of job {ids[1]}: run({{'n': 1}}) by code v1; its attempt failed with LookupError: no n. "
        "Call it to run it here."
    )
    with pytest.raises(LookupError, match="no n"):
        failed()
    with pytest.raises(NotFound):
        wf.reproduce(10_000)


def test_the_code_of_the_attempt_is_what_is_reproduced(wf: Workflow, finish: Finish) -> None:
    """Not the code as it has become since."""

    def run(x: int) -> int:
        return 1 // x

    wf.map(run, [0, 1])
    finish()
    first = int(wf.jobs().index[0])

    def again(x: int) -> int:
        return x

    again.__name__ = "run"
    wf.map(again, [0, 1], name="run")
    with pytest.raises(ZeroDivisionError):
        wf.reproduce(first)()
    job = wf.command("exit 3", name="command")
    with pytest.raises(InvalidRequest, match="exit 3"):
        wf.reproduce(job.id)


def test_a_group_runs_again_with_other_resources(wf: Workflow, finish: Finish) -> None:
    """The group alone, with what it is to ask; a repeated `map` does not take that back, a plain `rerun` does."""
    m = wf.map(solve, GRID, memory="200m")
    finish()
    found = wf.failures()
    group = found.loc[1, "group"]
    (small,) = wf.api.list_resource_requirements(wf.id)
    assert wf.rerun(group=group, memory="300m", runtime="2h") == 2
    large = wf.api.list_resource_requirements(wf.id)[-1]
    assert (large.memory, large.runtime, large.num_cpus) == (300 * 2**20, 7200.0, 1)

    def asked() -> list[int]:
        return [row.requirement_id for row in wf.api.list_jobs(wf.id) if row.id in found.loc[1, "jobs"]]

    assert asked() == [large.id] * 2
    wf.map(solve, GRID, memory="200m")
    assert asked() == [large.id] * 2
    finish()
    assert asked() == [large.id] * 2
    assert wf.failures()["count"].tolist() == [4, 2]
    assert wf.rerun(group=group) == 2
    assert asked() == [small.id] * 2
    with pytest.raises(NotFound, match=r"There is no group 'beef' of failures; there are: .*ValueError"):
        wf.rerun(group="beef")
    assert len(m) == len(GRID)
