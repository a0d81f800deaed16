"""Messages over pipes: a length, then a marshalled tuple or list. Both ends are one interpreter's processes."""

from __future__ import annotations

import contextlib
import fcntl
import marshal
import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<I")
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, Linux

#: How much a pipe holds before its writer waits, in bytes.
PIPE_SIZE = 1 << 20


def pipe() -> tuple[int, int]:
    """Open a roomy pipe that programs started by a job do not inherit."""
    read_end, write_end = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(write_end, _SET_PIPE_SIZE, PIPE_SIZE)
    return read_end, write_end


def packed(message: Any) -> bytes:
    """Return a message as the bytes of its frame."""
    body = marshal.dumps(message)
    return _LENGTH.pack(len(body)) + body


def write(descriptor: int, frame: bytes) -> None:
    """Write a frame whole, however large; wait while the pipe is full."""
    written = os.write(descriptor, frame)
    if written < len(frame):
        rest = memoryview(frame)[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def read(stream: BinaryIO) -> Any:
    """Wait for the next message; None where the other end is closed."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return marshal.loads(stream.read(_LENGTH.unpack(head)[0]))


class Outbox:
    """What goes into a pipe without waiting for its reader: two ends that both wait to write would wait for ever."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._rest = memoryview(b"")

    @property
    def is_empty(self) -> bool:
        """Whether all is written."""
        return not self._rest

    def put(self, frame: bytes) -> None:
        """Add a frame, and write what goes."""
        self._rest = memoryview(bytes(self._rest) + frame if self._rest else frame)
        self.flush()

    def flush(self) -> None:
        """Write what goes."""
        try:
            while self._rest:
                self._rest = self._rest[os.write(self.descriptor, self._rest) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the reader died: what it was to do comes back when its end is noticed
            self._rest = memoryview(b"")

    def close(self) -> None:
        """Close it; the reader sees the end."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Inbox:
    """What arrives on a pipe that is read as far as it goes, without waiting."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.is_closed = False
        self._rest = b""

    def messages(self) -> Iterator[Any]:
        """Yield the whole messages that have arrived; an unfinished one waits for its rest."""
        data = self._rest + self._arrived()
        place, end = 0, len(data)
        while end - place >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, place)
            if end - place < _LENGTH.size + length:
                break
            place += _LENGTH.size
            yield marshal.loads(memoryview(data)[place : place + length])
            place += length
        self._rest = data[place:]

    def _arrived(self) -> bytes:
        parts = []
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.descriptor, PIPE_SIZE):
                parts.append(part)
                if len(part) < PIPE_SIZE and len(parts) > 8:
                    break
            else:
                self.is_closed = True
        return b"".join(parts)
