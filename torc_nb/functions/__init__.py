"""A cell function or ``module:function`` → something stored, hashed by meaning, loaded again elsewhere."""

from torc_nb.functions.borrowed import Borrowed
from torc_nb.functions.capture import capture
from torc_nb.functions.describe import describe
from torc_nb.functions.difference import difference
from torc_nb.functions.load import classes_of, load
from torc_nb.functions.named import capture_named
from torc_nb.functions.record import Captured, Function, Ingredient, Loaded, ModuleSource, Signature

__all__ = [
    "Borrowed",
    "Captured",
    "Function",
    "Ingredient",
    "Loaded",
    "ModuleSource",
    "Signature",
    "capture",
    "capture_named",
    "classes_of",
    "describe",
    "difference",
    "load",
]
