"""Run the commands of a page in an empty folder, and put what they print into the page.

``python docs/replay.py docs/tutorial/script.md`` writes the page anew where something differs. A code block with a
caption becomes a file of that name, and each ``$`` line of a ``console`` block is run; ``% wait`` stands where a reader
reads until all jobs have ended and their worker has left. Only this machine's own names are replaced.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from torc_nb import cli, make_api

BLOCK = re.compile(r"^```(?P<kind>.+)\n(?P<body>(?:.*\n)*?)```$|^(?P<wait>% wait)$", re.MULTILINE)
CAPTION = re.compile(r"(?::.*\n)*:caption: (?P<name>\S+)\n(?::.*\n)*\n(?P<code>(?:.*\n)*)")
FOLDER = "/home/me/throws"


def replayed(page: str) -> str:
    """Return a page with what its commands print now."""
    with tempfile.TemporaryDirectory(prefix="torc_nb-replay-") as name, _nobody_at_home(Path(name).resolve()) as folder:
        return BLOCK.sub(lambda block: _replayed(block, folder), page)


@contextmanager
def _nobody_at_home(folder: Path) -> Iterator[Path]:
    """Stand in a folder, as a user who has nothing yet."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("TORC", "XDG_"))]:
        del os.environ[name]
    home = folder / ".home"
    home.mkdir()
    os.environ |= {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{before['PATH']}"}
    try:
        with chdir(folder):
            yield folder
    finally:
        os.environ.clear()
        os.environ.update(before)


def _replayed(block: re.Match[str], folder: Path) -> str:
    if block["wait"]:
        _wait(folder)
    elif block["kind"] == "console":
        return f"```console\n{''.join(_session(block['body'], folder))}```"
    elif caption := CAPTION.fullmatch(block["body"]):
        (folder / caption["name"]).write_text(caption["code"])
    return block[0]


def _session(body: str, folder: Path) -> Iterator[str]:
    for line in body.splitlines(keepends=True):
        if line.startswith("$ "):
            yield line
            yield _named(_output(shlex.split(line[2:])), folder)


def _output(command: list[str]) -> str:
    """Run a command; those of torc_nb in this process, where it is imported once."""
    if command[0] == "torc-nb":
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            cli.run(command[1:])
        text = printed.getvalue()
    else:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        text = done.stdout
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _named(text: str, folder: Path) -> str:
    text = text.replace(str(folder), FOLDER)
    text = re.sub(rf"\bon {re.escape(socket.gethostname())}\b", "on laptop", text)
    return re.sub(r"\bprocess \d+", "process 4711", text)


def _wait(folder: Path) -> None:
    api = make_api(folder / ".torc" / "torc.db")
    try:
        for _ in range(600):
            if api.progress(1).is_done and all(worker.state != "running" for worker in api.list_workers(1)):
                return
            time.sleep(0.1)
        raise TimeoutError("the jobs did not end within a minute")
    finally:
        api.database.close()


def main(paths: list[str]) -> None:
    """Replay pages, and write those that changed."""
    for path in map(Path, paths):
        old = path.read_text(encoding="utf-8")
        new = replayed(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
        print(path, "changed" if new != old else "as it was")


if __name__ == "__main__":
    main(sys.argv[1:])
