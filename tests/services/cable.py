"""What lies between a client and PostgreSQL, and can be cut at the worst moment: while the server answers a commit."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

_COMMIT = b"COMMIT\0"


class Cable:
    """Passes on what both sides say, till it is cut; later connections pass.

    Parameters
    ----------
    port : int
        Of the server, on this machine.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._cuts = 0
        self.port: int = self._listening.getsockname()[1]
        #: How many answers to a commit were lost.
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listening.close()

    def cut_at_commit(self, times: int = 1) -> None:
        """Let the next commits reach the server, and not its answers the client: its connection ends."""
        self._cuts = times

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # it was closed
                return
            server = socket.create_connection(self._server)
            is_cut = threading.Event()
            threading.Thread(target=self._to_server, args=(client, server, is_cut), daemon=True).start()
            threading.Thread(target=self._to_client, args=(server, client, is_cut), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        with client, _both(client, server):
            while data := client.recv(1 << 16):
                if self._cuts and _COMMIT in data:
                    self._cuts -= 1
                    is_cut.set()
                server.sendall(data)

    def _to_client(self, server: socket.socket, client: socket.socket, is_cut: threading.Event) -> None:
        with server, _both(server, client):
            while data := server.recv(1 << 16):
                if is_cut.is_set():  # the server has committed, or it would not have answered
                    self.lost += 1
                    return
                client.sendall(data)


@contextmanager
def _both(*ends: socket.socket) -> Iterator[None]:
    """Where one end of a connection is gone, the other goes too, whoever waits for it."""
    with suppress(OSError):
        yield
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
