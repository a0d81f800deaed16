"""Which modules can be imported here: ``python -m torc_nb.worker.importing``, of its own, since one may crash.

It reads the names as JSON from its standard input, and writes a line for each before and after: whoever reads them
knows at which it died.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

#: How long all of them may take, in seconds: from a filesystem with much to do the first import of the day takes long.
PATIENCE = 40.0


def complaints(names: Sequence[str], cwd: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Import modules as a job would, with this folder and these variables; returns what is wrong, by their names."""
    try:
        done = subprocess.run(
            [sys.executable, "-u", "-P", "-m", "torc_nb.worker.importing"],
            input=json.dumps({"names": list(names), "cwd": cwd, "variables": dict(variables)}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        return _read(said, f"its import takes longer than {PATIENCE:.0f} s")
    return _read(done.stdout, _death(done.returncode) if done.returncode else "")


def _death(code: int) -> str:
    if code < 0:
        return f"its import ends Python by {signal.Signals(-code).name}; it may be built for another processor"
    return f"its import ends Python with exit code {code}"


def _read(said: str, death: str) -> dict[str, str]:
    found, begun = {}, None
    for line in said.splitlines():
        word, _, rest = line.partition(" ")
        if word == "@begin":
            begun = rest
        elif word == "@end":
            if rest:
                found[begun or ""] = rest
            begun = None
    if begun is not None or (death and not said):
        found[begun or "Python"] = death
    return found


def _import_all(names: Sequence[str], cwd: str, variables: Mapping[str, str]) -> None:
    # As a worker's child has them: where modules are looked for is the worker's, as is what was read when it began.
    os.environ.clear()
    os.environ.update(variables)
    with contextlib.suppress(OSError):
        os.chdir(cwd)
    for name in names:
        print(f"@begin {name}")
        try:
            importlib.import_module(name)
            print("@end")
        except BaseException as error:
            print(f"@end {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    _import_all(**json.load(sys.stdin))
