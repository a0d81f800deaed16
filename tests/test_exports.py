"""What a package says that it offers is what can be imported from it."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import torc_nb

PACKAGES = [module.name for module in pkgutil.walk_packages(torc_nb.__path__, "torc_nb.") if module.ispkg]


def imported_names(path: Path) -> set[str]:
    """The public names that a module imports from torc_nb, for people or for type checkers."""
    statements = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
    ours = [node for node in statements if (node.module or "").startswith("torc_nb.")]
    return {alias.asname or alias.name for node in ours for alias in node.names if not alias.name.startswith("_")}


def test_front_door() -> None:
    """Every name of ``torc_nb`` comes from where it is at home; type checkers see the same ones."""
    assert set(torc_nb.__all__) == {*imported_names(Path(torc_nb.__file__)), "__version__"}
    assert list(torc_nb.__all__) == dir(torc_nb) == sorted(torc_nb.__all__)
    for name in torc_nb.__all__:
        if name != "__version__":
            assert getattr(torc_nb, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Workflows'"):
        torc_nb.Workflows  # noqa: B018


def test_star_import() -> None:
    """``from torc_nb import *`` gives all of it."""
    space: dict[str, object] = {}
    exec("from torc_nb import *", space)
    assert set(torc_nb.__all__) <= set(space)


@pytest.mark.parametrize("name", PACKAGES)
def test_package(name: str) -> None:
    """A package with a list of names offers these, and imports no other to offer it."""
    package = import_module(name)
    offered = getattr(package, "__all__", None)
    if offered is None:
        return
    assert len(set(offered)) == len(offered)
    assert [one for one in offered if not hasattr(package, one)] == []
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert imported_names(Path(package.__file__ or "")) - modules <= set(offered)


def test_front_door_opens_fast() -> None:
    """``import torc_nb`` loads nothing that a worker could do without."""
    code = "import sys, torc_nb; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for slow in ("pandas", "numpy", "sqlalchemy", "submitit", "IPython", "pydantic", "matplotlib"):
        assert f"'{slow}'" not in loaded
