"""``torc-nb``: the commands on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import click

from torc_nb.commands import Answer, Said, Session, complaint, tree
from torc_nb.errors import TorcError

NAME = "torc-nb"


def main() -> None:
    """Run the console script."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and show its answer.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of this process.

    Returns
    -------
    int
        The exit code: 0, 1 for an error, 2 for a command line that cannot be understood.
    """
    session = Session()
    try:
        show(tree.main(arguments, prog_name=NAME, obj=session, standalone_mode=False), as_json=session.as_json)
        sys.stdout.flush()
    except click.ClickException as error:
        return _failed(complaint(error), error.exit_code)
    except TorcError as error:
        return _failed(str(error), 1)
    except (click.Abort, KeyboardInterrupt):
        return _failed("Stopped; nothing more was done.", 1)
    except BrokenPipeError:
        # `torc-nb jobs list | head`: whoever read has enough. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        session.close()
    return 0


def show(answer: Answer | str | int | None, *, as_json: bool) -> None:
    """Print what a command answered; click's own answers (help: 0, or text) too."""
    if isinstance(answer, str):
        print(answer)
    elif isinstance(answer, int) or answer is None:
        return
    elif as_json:
        from torc_nb.commands.answers import as_json as text_of

        print(text_of(answer))
    elif isinstance(answer, Said):
        print(answer.text)
    else:
        from torc_nb.commands.tables import as_text

        print(_here(as_text(answer, shutil.get_terminal_size().columns if sys.stdout.isatty() else None)))


def _failed(message: str, code: int) -> int:
    print(f"{NAME}: {_here(message)}", file=sys.stderr)
    return code


def _here(text: str) -> str:
    """Name the commands as they are typed on a terminal; the layers below know the notebook's names."""
    return text.replace("%torc ", f"{NAME} ")


if __name__ == "__main__":
    main()
