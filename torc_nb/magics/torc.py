"""The magic itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
from IPython.core import page
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, output_can_be_silenced

from torc_nb.commands import Answer, Said, Session, complaint, tree
from torc_nb.commands.answers import Debugged, Watched, as_json
from torc_nb.errors import TorcError
from torc_nb.magics import cells, debugging, stacks
from torc_nb.magics.asking import help_of, question
from torc_nb.magics.line import NAME, words


class Stopped(KeyboardInterrupt):
    """Ctrl-C, of which one line is shown."""

    def _render_traceback_(self) -> list[str]:
        return ["KeyboardInterrupt: stopped; what was done before stays."]


@magics_class
class TorcMagics(Magics):
    """The magic commands of torc_nb."""

    @output_can_be_silenced
    @line_cell_magic
    def torc(self, line: str, cell: str | None = None) -> Any:
        """Run a command; `load` puts the commands' help here."""
        __tracebackhide__ = True  # IPython's word for a call that no stack shows
        assert self.shell is not None
        shell = self.shell
        if (asked := question(line)) is not None:
            return _told(lambda: page.page(help_of(words(asked), Session(names=shell.user_ns))))
        if cell is None:
            return _told(lambda: _answered(shell, words(line), shell.user_ns))
        return _told(lambda: _mapped(shell, line, cell))


def _mapped(shell: InteractiveShell, line: str, cell: str) -> Any:
    """Run a cell, and map the function that it defines last."""
    heading = cells.read(line)
    function = cells.run(shell, line, cell)
    names = cells.evaluated(shell, heading.params)
    return _answered(shell, [*heading.before, "map", *heading.options, "--", function, *heading.params], names)


def _answered(shell: InteractiveShell, given: list[str], names: Mapping[str, Any]) -> Any:
    """Run a command line."""
    session = Session(names=names)
    try:
        answer = tree.main(given, prog_name=NAME, obj=session, standalone_mode=False)
        if isinstance(answer, Debugged):
            return debugging.debug(shell, answer.call)
        if isinstance(answer, Watched):
            return answer.view
        return _shown(answer, session)
    finally:
        session.close()


def _told(act: Callable[[], Any]) -> Any:
    """Do something; what goes wrong is told in a sentence, or with the user's own stack."""
    __tracebackhide__ = True
    try:
        return act()
    except UsageError:
        raise
    except click.ClickException as error:
        raise UsageError(complaint(error)) from None
    except TorcError as error:
        raise UsageError(str(error)) from None
    except (click.Abort, KeyboardInterrupt):  # click's word for Ctrl-C, and Python's
        raise Stopped from None
    except Exception as error:
        raise error.with_traceback(stacks.of_user(error.__traceback__)) from error.__cause__


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
