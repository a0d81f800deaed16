"""Ports for services that are to listen on this machine."""

from __future__ import annotations

import random
import socket

# Below the range from which Linux takes the ports of outgoing connections: none of those can snatch one meanwhile.
_FIRST, _LAST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """Different ports on which nobody listens now."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(_FIRST, _LAST), _LAST - _FIRST):
        if len(found) == count:
            break
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found
