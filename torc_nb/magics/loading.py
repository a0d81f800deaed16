"""What ``%load_ext torc_nb`` does to a shell."""

from __future__ import annotations

import click
from IPython.core.interactiveshell import InteractiveShell

from torc_nb.commands import Session, tree
from torc_nb.magics import asking, completing
from torc_nb.magics.line import NAME
from torc_nb.magics.torc import TorcMagics


def load(shell: InteractiveShell) -> None:
    """Register ``%torc`` with a shell, its completion, and its help by a question mark."""
    TorcMagics.torc.__doc__ = tree.get_help(click.Context(tree, info_name=NAME, obj=Session(names=shell.user_ns)))
    shell.register_magics(TorcMagics)
    asking.install(shell)
    completing.install(shell)
