"""What a function is made of is kept with it, so that a later version can be compared."""

from __future__ import annotations

from sqlalchemy import select, update
from store.scene import Scene

from torc_nb.functions import Function, Ingredient
from torc_nb.store import functions, schema

INGREDIENTS = (
    Ingredient("global", "TABLE", "00ff", "ndarray 4"),
    Ingredient("helper", "deep", "01", "def deep():\n    ü"),
)


def _kept(scene: Scene) -> tuple[int, Function]:
    function = Function("run", None, b"", (3, 11), b"meaning", "", {}, (), (), (), None, (), INGREDIENTS)
    return functions.keep(scene.database, scene.id, function), function


def test_ingredients_come_back(scene: Scene) -> None:
    """As they were kept."""
    number, function = _kept(scene)
    assert functions.get(scene.database, number) == function


def test_rows_of_before_have_none(scene: Scene) -> None:
    """A row written before there were ingredients can still be read."""
    number, _ = _kept(scene)
    table = schema.functions
    with scene.database.write() as connection:
        details = dict(connection.scalar(select(table.c.details).where(table.c.id == number)))
        del details["ingredients"]
        connection.execute(update(table).where(table.c.id == number).values(details=details))
    assert functions.get(scene.database, number).ingredients == ()
