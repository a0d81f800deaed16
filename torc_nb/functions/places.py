"""Where modules live: the user's own files, which travel, or installed packages and Python itself, which do not."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType

_INSTALLED = {"site-packages", "dist-packages"}


def is_local_file(path: str) -> bool:
    """Whether a file or folder is outside Python's own folders and those of installed packages."""
    if not Path(path).is_absolute() or _INSTALLED & set(Path(path).parts):
        return False
    return not any(path.startswith(folder) for folder in _standard_library())


def is_cell(path: str) -> bool:
    """Whether a file name is one that a kernel or a shell gave to a cell."""
    return path.startswith(("<ipython-input", "<stdin")) or Path(path).parent.name.startswith("ipykernel_")


def is_users_own(path: str) -> bool:
    """Whether the code of a file name is the user's: a cell's, or a local file's."""
    return is_cell(path) or is_local_file(path)


def is_foreign_code(code: CodeType) -> bool:
    """Whether code was written in an installed package or in Python itself, though it travels by value."""
    path = Path(code.co_filename)
    return path.is_absolute() and path.exists() and not is_local_file(code.co_filename)


def is_excluded(name: str) -> bool:
    """Whether a module is never looked at: the notebook itself, and the machinery that moves functions."""
    return name.partition(".")[0] in ("__main__", "__mp_main__", "torc_nb", "cloudpickle")


def is_standard(name: str) -> bool:
    """Whether a module comes with Python."""
    return name.partition(".")[0] in sys.stdlib_module_names


def source_location(spec: ModuleSpec) -> str | None:
    """The file of a local module (or the folder of a package without ``__init__.py``); None where it is not local."""
    if spec.origin and spec.has_location:
        path = Path(spec.origin).absolute()
        return str(path) if path.suffix == ".py" and path.is_file() and is_local_file(str(path)) else None
    folders = list(spec.submodule_search_locations or ())
    return folders[0] if folders and Path(folders[0]).is_dir() and is_local_file(folders[0]) else None


def find_spec(name: str, path: Iterable[str] | None, *, loaded: bool) -> ModuleSpec | None:
    """Find a module without importing anything, its parents included.

    Parameters
    ----------
    path
        Where to look for a submodule: its package's folders; None for a top-level module.
    loaded
        Whether a module that this process has imported is the answer, wherever the file is.
    """
    if loaded and (module := sys.modules.get(name)) is not None:
        spec = getattr(module, "__spec__", None)
        if isinstance(spec, ModuleSpec):
            return spec
    folders = None if path is None else list(path)
    for finder in sys.meta_path:
        search = getattr(finder, "find_spec", None)
        spec = search(name, folders, None) if search else None
        if isinstance(spec, ModuleSpec):
            return spec
    return None


@functools.cache
def _standard_library() -> tuple[str, ...]:
    folders = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")} | {Path(os.__file__).parent}
    return tuple(f"{folder}{os.sep}" for folder in {*folders, *(folder.resolve() for folder in folders)})
