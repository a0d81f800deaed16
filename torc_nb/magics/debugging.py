"""A job's call made in this kernel, and IPython's debugger where it fails."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell

from torc_nb.api import Reproduction

_PACKAGE = str(Path(__file__).resolve().parent.parent)
_SHOWN = 200


def debug(shell: InteractiveShell, call: Reproduction) -> None:
    """Make a job's call; where it fails, show how and stop there."""
    print(repr(call))
    with call.in_place():
        try:
            value = call.function(*call.args, **call.kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            _stop_at(shell, error.with_traceback(_without_our_frames(error.__traceback__)), call)
            return
    there = f", though there it failed with {call.error}" if call.error else ", nor did it there"
    print(
        f"Job {call.job_id} does not fail here{there}. It returned {_shown(value)}. What may differ: the machine, its "
        "files and memory, the versions of packages, the environment variables."
    )


def _stop_at(shell: InteractiveShell, error: BaseException, call: Reproduction) -> None:
    """Show an exception, and open the debugger in the frame that raised it."""
    _remember(error)
    print(_text_of(shell, error))
    if error.__traceback__ is None:
        return
    if call.error and not call.error.startswith(_name(error)):
        print(f"There it failed otherwise: {call.error}")
    try:
        shell.InteractiveTB.tb = error.__traceback__
        shell.InteractiveTB.debugger(force=True)
    except StdinNotImplementedError:
        print(f"Nobody can answer the debugger here; in a notebook, `%torc debug {call.job_id}` opens it.")


def _remember(error: BaseException) -> None:
    """Let ``%debug`` find the exception later, and the debugger now."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.last_exc = error  # type: ignore[attr-defined]  # from Python 3.12 on


def _text_of(shell: InteractiveShell, error: BaseException) -> str:
    """The traceback as the shell would show it; plainly where it cannot show it."""
    try:
        lines = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        return shell.InteractiveTB.stb2text(lines)
    except Exception:
        return "".join(traceback.format_exception(error))


def _without_our_frames(found: TracebackType | None) -> TracebackType | None:
    """Begin where the user's own function does."""
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        found = found.tb_next
    return found


def _name(error: BaseException) -> str:
    kind = type(error)
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
