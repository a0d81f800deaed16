"""What cannot travel is refused when mapped, naming the culprit, and not in the queue."""

from __future__ import annotations

import builtins
import functools
import inspect
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from types import CoroutineType, FunctionType, GeneratorType, MethodType
from typing import Any

from torc_nb.errors import CannotCapture
from torc_nb.functions.bytecode import global_names
from torc_nb.functions.describe import human_size
from torc_nb.functions.pickler import pack
from torc_nb.functions.reach import Part, Reached, parts

LIMIT = 1 << 30
"""Bytes that a function may carry with it."""

_LOCKS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Semaphore,
    threading.Event,
    threading.Barrier,
)
_DATABASES = {"sqlite3", "psycopg", "psycopg2", "pymysql", "MySQLdb", "duckdb", "sqlalchemy", "oracledb", "asyncpg"}
_IN_NOTEBOOK = "make it inside the function, or pass what it is made from as a parameter"


def refuse_kind(call: Callable[..., Any], name: str) -> None:
    """Refuse functions whose call gives no result but something still to be run."""
    called = _called(call)
    if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
        raise CannotCapture(
            f"`{name}` is async: calling it gives a coroutine, not a result. "
            f"Map a plain function that does asyncio.run({name}(...))"
        )
    if inspect.isgeneratorfunction(called):
        raise CannotCapture(
            f"`{name}` is a generator function: its result would be a generator, which cannot be stored. "
            f"Return a list instead, or map lambda p: list({name}(p))"
        )


def refuse_notebook_only(root: Any, reached: Iterable[Reached]) -> None:
    """Refuse code that calls what exists only in the notebook's kernel."""
    root_function = root.__func__ if isinstance(root, MethodType) else root
    for function in [root_function, *(found.value for found in reached)]:
        if not isinstance(function, FunctionType):
            continue
        for name in global_names(function.__code__):
            if name == "get_ipython":
                raise CannotCapture(
                    f"`{function.__name__}` uses get_ipython (a %magic or !command line does too), which exists in "
                    "the notebook only. Use plain Python there, subprocess.run for a command"
                )
            missing = name not in function.__globals__ and name == "display" and hasattr(builtins, name)
            if missing and function.__module__ == "__main__":
                raise CannotCapture(
                    f"`{function.__name__}` uses display, which a notebook has without importing it and a worker has "
                    "not. Remove it, or add: from IPython.display import display"
                )


def refuse_large(name: str, sizes: Sequence[tuple[Reached, int]], limit: int) -> None:
    """Refuse what would carry more than `limit` bytes along, naming the largest of it."""
    total = sum(size for _, size in sizes)
    if total <= limit:
        return
    largest, size = max(sizes, key=lambda pair: pair[1])
    raise CannotCapture(
        f"`{name}` cannot be mapped: {_where(largest.holders, largest.parts)} is {human_size(size)}, and what a "
        f"function carries may be {human_size(limit)} in all. Save it to a file and read it inside the function"
    )


def refusal(name: str, root: Any, error: Exception, limit: int) -> CannotCapture:
    """Why a function that failed to pickle did: the innermost thing that fails by itself."""
    holders: list[Any] = []
    path: list[Part] = []
    seen = {id(root)}
    current = root
    while True:
        found = None if path and kind_of(current) else _failing(current, seen, limit)
        if found is None:
            break
        holders.append(current)
        part, error = found
        path.append(part)
        current = part.value
        seen.add(id(current))
    what = kind_of(current) or f"a `{type(current).__qualname__}`, which cannot be pickled ({_reason(error)})"
    where = _where(tuple(holders), tuple(path)) if path else "it"
    return CannotCapture(f"`{name}` cannot be mapped: {where} is {what}. Not to carry it, {_IN_NOTEBOOK}")


def kind_of(value: Any) -> str | None:
    """What something that cannot travel is, in plain words; None for everything else."""
    if isinstance(value, io.IOBase) and not isinstance(value, (io.BytesIO, io.StringIO)):
        return f"an open file ({getattr(value, 'name', '?')})"
    for kinds, words in (
        (_LOCKS, "a lock"),
        (GeneratorType, "a generator (make a list of it)"),
        (CoroutineType, "a coroutine"),
        (threading.Thread, "a thread"),
        (threading.local, "thread-local data"),
        (Executor, "an executor"),
        (subprocess.Popen, "a running process"),
    ):
        if isinstance(value, kinds):
            return words
    socket = sys.modules.get("socket")
    if socket is not None and isinstance(value, socket.socket):
        return "a socket"
    return _kind_by_name(value)


def _kind_by_name(value: Any) -> str | None:
    """Kinds of packages that need not be there, told by the names of their classes."""
    if isinstance(value, type):
        return None
    for cls in type(value).__mro__:
        package, name = cls.__module__.partition(".")[0], cls.__name__
        if package in _DATABASES and any(word in name for word in ("Connection", "Cursor", "Engine", "Session")):
            return "a database connection"
        if package == "multiprocessing" and cls.__module__.endswith("synchronize"):
            return "a lock"
        if package == "IPython" and name == "InteractiveShell":
            return "the notebook's own shell"
        if package == "ipywidgets":
            return "a widget"
    return None


def _called(call: Any) -> Any:
    """The function that runs when something is called."""
    while isinstance(call, functools.partial):
        call = call.func
    return call if isinstance(call, (FunctionType, MethodType, type)) else type(call).__call__


def _failing(value: Any, seen: set[int], limit: int) -> tuple[Part, Exception] | None:
    """The first part of a value that cannot be pickled by itself."""
    for part in parts(value, everything=True):
        if id(part.value) in seen:
            continue
        try:
            pack(part.value, limit)
        except Exception as error:
            return part, error
    return None


def _where(holders: Sequence[Any], path: Sequence[Part]) -> str:
    """Say "global `handle` of helper `read`": from the inside out up to the nearest function or class."""
    words = []
    for at in range(len(path) - 1, -1, -1):
        holder = holders[at]
        words.append(str(path[at]))
        if isinstance(holder, (FunctionType, type)):
            kind = "class " if isinstance(holder, type) else "helper " if at else ""
            words.append(f"{kind}`{holder.__name__}`")
            break
    return " of ".join(words)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
