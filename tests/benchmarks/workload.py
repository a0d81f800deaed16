"""The jobs that the benchmarks run: as little work as a job can do, so that what is timed is the system around it.

A module of its own that imports next to nothing: every contender's workers import it by name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

_first = count()


def run(params: dict[str, Any]) -> dict[str, Any]:
    """Trivial: a dict in, a dict out."""
    return {"total": params["x"] + params["y"]}


def started(params: dict[str, Any]) -> dict[str, Any]:
    """Say when the job started, in seconds since the epoch."""
    return {"started": time.time()}


def rested(params: dict[str, Any]) -> dict[str, Any]:
    """Take a moment and say when it was over, in seconds since the epoch."""
    time.sleep(params["seconds"])
    return {"ended": time.time()}


def noted(params: dict[str, Any]) -> int:
    """Append its number to a file of this process in a folder."""
    file = os.open(f"{params['folder']}/{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{params['number']}\n".encode())
    os.close(file)
    return params["number"]


def inverse(x: int) -> float:
    """Take a millisecond; one in a thousand fails."""
    time.sleep(0.001)
    return 1 / (x % 1000)


def collected(results: list[Any]) -> dict[str, Any]:
    """Say when the list of all results was in hand, in seconds since the epoch, and how long it is."""
    return {"began": time.time(), "n": len(results)}


def fresh_parameters(jobs: int) -> list[dict[str, Any]]:
    """`jobs` parameter sets that no earlier call in this process gave, so that no contender's cache can answer."""
    return [{"x": next(_first), "y": 0.5} for _ in range(jobs)]


def generated_parameters(jobs: int) -> Iterator[dict[str, Any]]:
    """`jobs` parameter sets, one at a time, as they would come from a generator in a notebook."""
    for index in range(jobs):
        yield {"x": index, "y": 0.5}


def totals(results: list[dict[str, Any]]) -> list[float]:
    """The numbers in a list of results."""
    return [result["total"] for result in results]
