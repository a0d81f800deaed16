"""Hearing at once that a file in a folder was written: inotify, which Linux alone has."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

#: A file was written, from <sys/inotify.h>.
_MODIFIED = 0x2


class FolderChanges:
    """Whether any file that lies in a folder was written since last asked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def of(cls, folder: Path) -> FolderChanges | None:
        """Listen from now on; None where this machine has no inotify, or no more of it to give."""
        if sys.platform != "linux":
            return None
        library = ctypes.CDLL(None, use_errno=True)
        descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if descriptor < 0:
            return None
        if library.inotify_add_watch(descriptor, os.fsencode(folder), _MODIFIED) < 0:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def fileno(self) -> int:
        """The descriptor that is readable when a file was written."""
        return self._descriptor

    def forget(self) -> None:
        """Take note of what was heard."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._descriptor, 65_536):
                pass

    def close(self) -> None:
        """Listen no more."""
        os.close(self._descriptor)
