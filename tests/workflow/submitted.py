"""What the tests of the executor submit: functions of a module that the workers import too."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def add(x: int, y: int = 1) -> int:
    """Add."""
    return x + y


def collected(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """Return what it was given."""
    return args, kwargs


def divided(x: int) -> float:
    """Fail for 0."""
    return 1 / x


def wait_for(path: str) -> str:
    """Wait until a file is there."""
    while not Path(path).exists():
        time.sleep(0.01)
    return "went on"


def announced_wait(folder: str) -> str:
    """Say that it began, and wait to be let go."""
    Path(folder, "began").touch()
    return wait_for(f"{folder}/go")


def killed() -> None:
    """Kill the process that runs it."""
    os.kill(os.getpid(), signal.SIGKILL)


class Awkward(Exception):
    """Pickles, and does not unpickle."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raises_awkward() -> None:
    """Raise what cannot be rebuilt elsewhere."""
    raise Awkward("cannot", "come back")


class Scale:
    """Its bound methods hold what it is at the moment."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def times(self, x: int) -> int:
        return self.factor * x

    def __call__(self, x: int) -> int:
        return self.times(x)
