"""By which address the nodes reach this machine, and from which networks they come."""

from __future__ import annotations

import ipaddress
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from contextlib import closing

import psutil

LOOPBACK = "127.0.0.1"
#: Where nothing answers: only which interface leads there is asked, no packet is sent.
_FAR_AWAY = "192.0.2.1"
_ANSWER_TIMEOUT = 10.0


def address() -> str:
    """Return the IP address of the interface that leads to Slurm's controller, else to the world, else loopback."""
    for target in (*_controllers(), _FAR_AWAY):
        found = _own_address_towards(target)
        if found is not None and not ipaddress.ip_address(found).is_loopback:
            return found
    return LOOPBACK


def networks(own: str, hosts: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the networks of an address of this machine, the addresses of the cluster's nodes, and of other hosts."""
    found = {f"{LOOPBACK}/32"}
    for interface in psutil.net_if_addrs().values():
        for one in interface:
            if one.address == own and one.netmask:
                found.add(str(ipaddress.ip_network(f"{own}/{one.netmask}", strict=False)))
    found |= {f"{host}/32" for host in (own, *hosts, *_nodes())}
    return tuple(sorted(found))


def _own_address_towards(target: str) -> str | None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((target, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return None


def _controllers() -> list[str]:
    return re.findall(r"^SlurmctldHost\[?\d*\]?\s*=\s*([^\s(]+)", _scontrol("show", "config"), re.MULTILINE)


def _nodes() -> set[str]:
    names = re.findall(r"\bNodeAddr=(\S+)", _scontrol("show", "node", "-o"))
    found = set()
    for name in set(names):
        try:
            found.add(socket.gethostbyname(name))
        except OSError:
            continue  # one that is not known here is reached from the network of the address, or is named by the user
    return found


def _scontrol(*arguments: str) -> str:
    """What Slurm says; nothing where there is none."""
    if shutil.which("scontrol") is None:
        return ""
    try:
        return subprocess.run(
            ["scontrol", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
