"""The commands of ``%torc`` and ``torc-nb``: one click tree, a file for each noun.

A command parses, calls the Api and returns an answer (``Said`` or ``Listing``); the faces show it. Modules import what
is slow inside the commands, so that help is there at once.
"""

from torc_nb.commands.answers import Answer, Listing, Said
from torc_nb.commands.grammar import complaint
from torc_nb.commands.session import Session
from torc_nb.commands.tree import tree

__all__ = ["Answer", "Listing", "Said", "Session", "complaint", "tree"]
