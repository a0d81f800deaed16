"""No statement of SQL is put together from text, but for those here, whose parts are all the package's own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "torc_nb"

#: What takes a statement as text.
TAKES_SQL = {
    "text", "execute", "executemany", "executescript", "exec_driver_sql", "literal_column", "copy", "_patiently",
}  # fmt: skip

#: Where a statement with parts is right, how it begins, and why.
ALLOWED = {
    "store/bulk.py: COPY ": "names of the schema's own, quoted; SQLAlchemy knows no COPY",
    "store/copying.py: PRAGMA user_version = ": "a number; a PRAGMA takes no parameters",
    "store/server.py: SET idle_in_transaction_session_timeout = ": "a number; SET takes no parameters",
    "store/sqlite_file.py: PRAGMA busy_timeout = ": "a number",
    "store/sqlite_file.py: PRAGMA journal_mode = ": "one of two words; a PRAGMA takes no parameters",
    "store/sqlite_file.py: PRAGMA synchronous = ": "one of two words",
    "store/sqlite_file.py: PRAGMA user_version = ": "a number",
    "store/watch.py: LISTEN torc_": "a number; LISTEN takes no parameters",
}


def composed(package: Path) -> Iterator[str]:
    """Each statement that is put together from parts: its file, and how it begins."""
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        made = {name for node in ast.walk(tree) for name in _names_of_composed(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_sql"):
                given = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value is not None]
            elif isinstance(node, ast.Call) and _called(node) in TAKES_SQL:
                given = node.args
            else:
                continue
            yield from (f"{path.relative_to(package)}: {_beginning(one)}" for one in given if _is_composed(one, made))


def _beginning(node: ast.AST) -> str:
    return next((one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and type(one.value) is str), "")


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _names_of_composed(node: ast.AST) -> Iterator[str]:
    """Variables that hold text which was put together."""
    if isinstance(node, ast.Assign) and _is_composed(node.value, set()):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_composed(node: ast.AST, made: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in made
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("format", "join", "format_map", "replace") and _is_text(node.func.value)
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_no_statement_is_put_together_from_text() -> None:
    """Values go in as parameters; names of tables and columns through SQLAlchemy."""
    assert set(composed(PACKAGE)) == set(ALLOWED)


@pytest.mark.parametrize(
    "statement",
    [
        "connection.execute(f'SELECT {name}')",
        "connection.execute(text('SELECT %s' % name))",
        "connection.exec_driver_sql('SELECT ' + name)",
        "text('SELECT {}'.format(name))",
        "sql = f'SELECT {name}'\nconnection.exec_driver_sql(sql, rows)",
        "connection.execute(', '.join(names))",
        "def _some_sql(name):\n    return f'SELECT {name}'",
    ],
)
def test_each_way_to_do_so_is_found(tmp_path: Path, statement: str) -> None:
    """The test sees what it is for."""
    (tmp_path / "module.py").write_text(statement)
    assert len(list(composed(tmp_path))) == 1


@pytest.mark.parametrize(
    "statement",
    ["connection.execute(text('SELECT :x'), {'x': name})", "connection.execute(select(table.c[name]))", "text('a')"],
)
def test_what_is_no_such_thing_is_not(tmp_path: Path, statement: str) -> None:
    """Constants and SQLAlchemy's own expressions."""
    (tmp_path / "module.py").write_text(statement)
    assert list(composed(tmp_path)) == []
