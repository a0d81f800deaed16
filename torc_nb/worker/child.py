"""A warm child process: reads jobs, runs them one after the other, writes what each ended with."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torc_nb import functions, values
from torc_nb.functions import Function
from torc_nb.worker import frames
from torc_nb.worker.attempt import Attempt
from torc_nb.worker.board import Board
from torc_nb.worker.command import CommandAttempt
from torc_nb.worker.current_job import Terms, enter
from torc_nb.worker.sandbox import Sandbox, standard_streams

#: How willing the kernel is to kill a child before the worker when memory runs out (-1000 to 1000).
_OOM_SCORE = "500"


@dataclass(frozen=True)
class Role:
    """What a child is for: all that the jobs which it runs have in common."""

    function: Function
    # a row is one "argument", "keywords", "positional" arguments, "unpacked" by what it is, or "submitted" with some of
    # each; or a "command"
    call: str
    cwd: str
    variables: dict[str, str]
    cpus: tuple[int, ...]  # those it may run on; empty: any
    spill_folder: str
    terms: Terms


def serve(tasks: int, results: int, stdout: int, stderr: int, board: int) -> None:
    """Be a child: the first message is its role, each further one a batch of jobs; ends when the pipe is closed."""
    gc.enable()
    _settle(stdout, stderr)
    with os.fdopen(tasks, "rb", buffering=1 << 16) as inbox:
        role: Role = pickle.loads(frames.read(inbox))
        if role.cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, role.cpus)
        sandbox = Sandbox(role.cwd, role.variables)
        attempt = _attempt(role, sandbox, Board(board))
        while (batch := frames.read(inbox)) is not None:
            for task in batch:
                frames.write(results, frames.packed(attempt.run(*task)))


def _attempt(role: Role, sandbox: Sandbox, board: Board) -> Attempt | CommandAttempt:
    """What runs the jobs of a role."""
    if role.call == "command":
        return CommandAttempt(role.terms, sandbox, board)
    spill = values.Spill(Path(role.spill_folder))
    # A random stream is drawn from the workflow; each row derives its own.
    seed = role.terms.workflow_id
    return Attempt(_load(role), role.call, seed, sandbox, spill, board, enter(role.terms))


def _settle(stdout: int, stderr: int) -> None:
    """Leave everything of the worker behind: signals, standard streams, the place in the queue for memory."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        os.close(source)
    sys.stdin, sys.stdout, sys.stderr = standard_streams()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def _load(role: Role) -> Any:
    """Load the function; one that cannot be loaded fails each job with the reason, not the child."""
    try:
        return functions.load(role.function)
    except Exception as error:
        reason = error

        def fail(*_: object, **__: object) -> None:
            raise reason

        return functions.Loaded(fail, {})
