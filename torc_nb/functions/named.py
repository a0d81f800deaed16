"""Functions given by name: ``"simulation", "run"`` instead of an object."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torc_nb.errors import CannotCapture
from torc_nb.functions import refuse
from torc_nb.functions.capture import captured_files, modules_in_order
from torc_nb.functions.definition import source_of
from torc_nb.functions.load import attribute, importing
from torc_nb.functions.local_code import Place
from torc_nb.functions.meaning import meaning_of
from torc_nb.functions.record import Function
from torc_nb.functions.signature import signature_of
from torc_nb.functions.snapshot import take


def capture_named(module: str, name: str, *, directory: str | Path | None = None) -> Function:
    """Take a function by name, with the local modules it needs, as the files are now.

    The module is imported to check it, from what was just read, whatever this process imported before; afterwards
    ``sys.path`` and ``sys.modules`` are as they were.

    Parameters
    ----------
    module
        "simulation", "package.simulation", or a file such as "simulation.py".
    name
        The function's name, or "Class.method".
    directory
        Where the module is; without it, where Python looks.

    Raises
    ------
    CannotCapture
        There is no such module or function, it fails on import, or its call would give no result.
    """
    module, directory = _split(module, directory)
    with _searching(directory):
        snapshot = take([module], loaded=False)
        if module not in snapshot.modules and module.partition(".")[0] in snapshot.modules:
            raise CannotCapture(f"there is no module {module}{_in(directory)}")
        with importing(modules_in_order(snapshot)):
            call = _checked(module, name, directory)
            signature, source = signature_of(call), source_of(call)
    # Installed modules are known by name alone; the user's own by their text.
    root = Place(module, name.partition(".")[0]) if module in snapshot.modules else call
    meaning = meaning_of(root, snapshot)
    return Function(
        name=name,
        module=module,
        payload=b"",
        python=sys.version_info[:2],
        digest=meaning.digest,
        source=source,
        sources={},
        modules=modules_in_order(snapshot),
        imports=tuple(sorted(snapshot.installed)),
        captured=captured_files(snapshot),
        signature=signature,
        unstable=meaning.unstable,
    )


def _split(module: str, directory: str | Path | None) -> tuple[str, Path | None]:
    """The import name and the folder of a module that may be given as a file."""
    folder = None if directory is None else Path(directory).expanduser().absolute()
    if not module.endswith(".py"):
        return module, folder
    path = (folder or Path.cwd()) / Path(module).expanduser()
    return path.stem, path.parent


@contextmanager
def _searching(directory: Path | None) -> Iterator[None]:
    """Look for modules in a folder first."""
    before = list(sys.path)
    if directory is not None:
        sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path[:] = before


def _checked(module: str, name: str, directory: Path | None) -> Callable[..., Any]:
    """The function, imported and found to be one that can be mapped."""
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise CannotCapture(f"there is no module {module}{_in(directory)}") from error
        raise CannotCapture(f"the module {module} needs {error.name}, which cannot be imported here") from error
    except Exception as error:
        raise CannotCapture(f"the module {module} fails on import: {type(error).__name__}: {error}") from error
    try:
        call = attribute(imported, name)
    except AttributeError as error:
        raise CannotCapture(f"the module {module}{_in(directory)} has no `{name}`") from error
    if not callable(call):
        raise CannotCapture(f"`{module}.{name}` is a {type(call).__qualname__}, not a function")
    refuse.refuse_kind(call, name)
    found: Callable[..., Any] = call
    return found


def _in(directory: Path | None) -> str:
    return f" in {directory}" if directory else f" where Python looks (it runs in {Path.cwd()})"
