"""Imports go one way: a layer imports only layers above it, and a few packages have one layer that may import them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "torc_nb"

# From the top; the layers of one line stand side by side and may not import each other.
ORDER: list[set[str]] = [
    {"errors"},
    {"private"},
    {"models"},
    {"values"},
    {"functions"},
    {"store"},
    {"slurm"},
    {"changes"},
    {"worker"},
    {"server_db"},
    {"launch"},
    {"api"},
    {"frames", "plots", "widgets"},
    {"workflow"},
    {"commands"},
    {"magics", "cli", "server"},
]
DEPTH = {layer: depth for depth, layers in enumerate(ORDER) for layer in layers}

# A package and the only layers that may import it.
RESERVED = {"sqlalchemy": {"store"}, "alembic": {"store"}, "submitit": {"launch"}}
# A layer and what it may not import, wherever that stands in the list.
FORBIDDEN = {
    "commands": {"IPython"},
    "frames": {"torc_nb.store"},
    "plots": {"torc_nb.store"},
    "widgets": {"torc_nb.store"},
}
# Slow to import: a worker's process loads them only where a job wants them.
NOT_AT_START = {"IPython", "ipywidgets", "jupyterlab", "matplotlib", "numpy", "pandas"}


def violations(package: Path) -> list[str]:
    """One sentence for every import in a package that the rules do not allow."""
    found = []
    for path in sorted(package.rglob("*.py")):
        layer = path.relative_to(package).with_suffix("").parts[0]
        if layer == "__init__":  # the package's front door shows what the last layers offer
            continue
        place = path.relative_to(package.parent)
        if layer not in DEPTH:
            found.append(f"{place}: {layer} is not a layer; put it into one, or into the list")
            continue
        for line, module in imports(path, package):
            if complaint := _complaint(layer, module):
                found.append(f"{place}:{line}: {complaint}")
    return found


def imports(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of each module that a file imports, within functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # A relative import counts from the package that holds the file.
    here = [package.name, *path.relative_to(package).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = [] if node.level == 0 else here[: len(here) - node.level + 1]
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from torc_nb import store` names its layer only in what is imported.
            names = [f"{origin}.{alias.name}" for alias in node.names] if origin == package.name else [origin]
            for name in names:
                yield node.lineno, name


def _complaint(layer: str, module: str) -> str | None:
    top, *rest = module.split(".")
    if top in RESERVED and layer not in RESERVED[top]:
        return f"only {' and '.join(sorted(RESERVED[top]))} may import {top}"
    for forbidden in FORBIDDEN.get(layer, ()):
        if f"{module}.".startswith(f"{forbidden}."):
            return f"{layer} may not import {forbidden}"
    if top != "torc_nb" or not rest or rest[0] == layer:
        return None
    if rest[0] not in DEPTH:  # a plain name of the front door, such as __version__
        return None
    return (
        None if DEPTH[rest[0]] < DEPTH[layer] else f"{layer} may not import {rest[0]}, which stands below or beside it"
    )


def test_imports_go_one_way() -> None:
    """No file of the package imports against the order of the layers."""
    assert violations(PACKAGE) == []


def test_a_worker_starts_without_what_is_slow_to_import() -> None:
    """All of the worker, and so all that it stands on, is imported without pandas and without Jupyter."""
    modules = [f"torc_nb.worker.{path.stem}" for path in (PACKAGE / "worker").glob("[!_]*.py")]
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) & NOT_AT_START == set()


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("models/records.py", "from torc_nb.store import Store", "models may not import store"),
        ("models/records.py", "import torc_nb.store.jobs", "models may not import store"),
        ("store/jobs.py", "from torc_nb import api", "store may not import api"),
        ("store/jobs.py", "from ..workflow import Workflow", "store may not import workflow"),
        ("store/jobs.py", "from .. import launch", "store may not import launch"),
        ("worker/loop.py", "def run():\n    from torc_nb.launch import local", "worker may not import launch"),
        ("frames.py", "from torc_nb import plots", "frames may not import plots"),
        ("cli.py", "import torc_nb.magics", "cli may not import magics"),
        ("api.py", "import sqlalchemy as sa", "only store may import sqlalchemy"),
        ("worker/loop.py", "from submitit.core import utils", "only launch may import submitit"),
        ("commands/jobs.py", "def show():\n    from IPython.display import display", "commands may not import IPython"),
        ("widgets/progress.py", "from torc_nb.store import Store", "widgets may not import torc_nb.store"),
        ("utils.py", "", "utils is not a layer"),
    ],
)
def test_an_import_against_the_order_is_found(tmp_path: Path, path: str, text: str, expected: str) -> None:
    """Each kind of forbidden import is seen, where it stands and why."""
    file = tmp_path / "torc_nb" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (found,) = violations(tmp_path / "torc_nb")
    assert f"torc_nb/{path}:" in found
    assert expected in found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("__init__.py", "from torc_nb.workflow import Workflow"),
        ("store/jobs.py", "import sqlalchemy\nfrom torc_nb.models import JobModel\nfrom . import schema"),
        ("store/migrations/env.py", "from alembic import context\nfrom ..schema import metadata"),
        ("values/arrays.py", "import numpy\nfrom torc_nb.models import JobModel"),
        ("launch/slurm.py", "import submitit\nfrom torc_nb import slurm, __version__"),
        ("frames.py", "import pandas\nfrom torc_nb.models import JobModel"),
        ("magics.py", "from IPython.core.magic import Magics\nfrom torc_nb.commands import tree"),
    ],
)
def test_an_import_along_the_order_is_not(tmp_path: Path, path: str, text: str) -> None:
    """What the rules allow is let through."""
    file = tmp_path / "torc_nb" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert violations(tmp_path / "torc_nb") == []
