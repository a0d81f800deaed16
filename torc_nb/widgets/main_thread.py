"""What other threads want done by the kernel's main thread, which alone may draw: pyplot's state is everybody's."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_wanted: deque[Callable[[], None]] = deque()


def soon(shell: Any, action: Callable[[], None]) -> None:
    """Have something done as soon as no cell runs, or a cell waits for jobs."""
    _wanted.append(action)
    shell.kernel.io_loop.add_callback(do_wanted)


def do_wanted() -> None:
    """Do what is wanted by now, where this is the main thread."""
    while _wanted and is_here():
        _wanted.popleft()()


def is_here() -> bool:
    """Whether this is the main thread."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the stop button reach what runs between cells, when a kernel ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
