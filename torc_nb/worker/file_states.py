"""Files that jobs leave: how a look at them finds them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from torc_nb.models import FileState


def state_of(path: str) -> tuple[float, int | None] | None:
    """Return when a file was last written, in seconds since the epoch, and its size in bytes; None: it is not there.

    A folder has no size of its own: what its file system says of it differs from one to the next.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path of each costs more than the look
    except (OSError, ValueError):  # ValueError: nothing can be called so
        return None
    return found.st_mtime, None if stat.S_ISDIR(found.st_mode) else found.st_size


def states_of(paths: Iterable[str], folder: str) -> list[FileState] | None:
    """Return how those files are that are there, each once; relative paths start in ``folder``. None: there are none.

    A path is kept as it was given, ``..`` included: behind a link it leads elsewhere than its text says.
    """
    absolute = dict.fromkeys(os.path.join(folder, path) for path in paths)  # noqa: PTH118
    found = [(path, *state) for path in absolute if (state := state_of(path)) is not None]
    return found or None
