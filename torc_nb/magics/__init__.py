"""``%torc``: the commands in a notebook."""

from __future__ import annotations

import shlex
from typing import Any

import click
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class, output_can_be_silenced

from torc_nb.commands import Answer, Said, Session, complaint, tree
from torc_nb.commands.answers import Debugged, as_json
from torc_nb.errors import TorcError
from torc_nb.magics import debugging

NAME = "%torc"


@magics_class
class TorcMagics(Magics):
    """The magic commands of torc_nb."""

    @output_can_be_silenced
    @line_magic
    def torc(self, line: str) -> Any:
        """Run a command; `load` puts the commands' help here."""
        assert self.shell is not None
        session = Session(names=self.shell.user_ns)
        try:
            answer = tree.main(_words(line), prog_name=NAME, obj=session, standalone_mode=False)
            if isinstance(answer, Debugged):
                return debugging.debug(self.shell, answer.call)
            return _shown(answer, session)
        except click.ClickException as error:
            raise UsageError(complaint(error)) from None
        except TorcError as error:
            raise UsageError(str(error)) from None
        except click.Abort:  # click's word for Ctrl-C
            raise KeyboardInterrupt from None
        finally:
            session.close()


def _words(line: str) -> list[str]:
    try:
        # IPython leaves the semicolon that silences the display in the line.
        return shlex.split(line.rstrip().removesuffix(";"))
    except ValueError as error:
        raise UsageError(f"{error}: {line}") from None


def _shown(answer: Answer | str | int | None, session: Session) -> Any:
    """Print what is to be read, and return what is to be used; click's own answers (help: 0, or text) too."""
    if isinstance(answer, str):
        print(answer)
    elif isinstance(answer, int) or answer is None:
        return None
    elif session.as_json:
        print(as_json(answer))
    elif isinstance(answer, Said):
        print(answer.text)
        return answer.value
    else:
        for note in answer.notes:
            print(note)
        return answer.frame
    return None


def load(shell: InteractiveShell) -> None:
    """Register ``%torc`` with a shell: what ``%load_ext torc_nb`` does. ``%torc?`` shows the commands."""
    TorcMagics.torc.__doc__ = tree.get_help(click.Context(tree, info_name=NAME, obj=Session(names=shell.user_ns)))
    shell.register_magics(TorcMagics)
