"""Which machine this is, and whether a process on it still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import psutil

#: Filesystems that several machines may mount: SQLite's WAL must not be used there.
NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "cifs", "smb3", "smbfs", "ceph", "wekafs", "panfs", "afs", "orangefs",
     "pvfs2", "9p", "fuse.sshfs", "fuse.glusterfs", "glusterfs", "fuse.cephfs", "afpfs", "daos", "fuse.daos", "gfs2",
     "ocfs2", "virtiofs", "vboxsf", "fuse.rclone", "fuse.juicefs", "fuse.moosefs"}
)  # fmt: skip


@cache
def boot_id() -> str:
    """What names this machine since its last start: processes that share it share memory and file locks."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{socket.gethostname()}@{psutil.boot_time():.0f}"


def process_start(pid: int | None = None) -> float:
    """When a process of this machine started, to tell it from a later one of the same pid; 0.0 where it is gone."""
    try:
        process = psutil.Process(os.getpid() if pid is None else pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return 0.0
        return float(process.create_time())
    except psutil.Error:
        return 0.0


def is_alive(boot: str, pid: int, start: float) -> bool | None:
    """Whether that process lives; None where it is another machine's, so that this one cannot know."""
    if boot != boot_id():
        return None
    return abs(process_start(pid) - start) < 1.0


def is_own_address(host: str) -> bool:
    """Whether a host's name or address is this machine's."""
    try:
        found = socket.gethostbyname(host)
    except OSError:
        return False
    if found.startswith("127."):
        return True
    return any(one.address == found for interface in psutil.net_if_addrs().values() for one in interface)


def is_on_network(path: Path) -> bool:
    """Whether a path lies on a filesystem that other machines may mount too."""
    return filesystem(path) in NETWORK_FILESYSTEMS


def filesystem(path: Path) -> str:
    """The kind of filesystem that a path lies on, as the kernel names it; empty where that is unknown."""
    longest, kind = "", ""
    resolved = str(path.resolve())
    for partition in psutil.disk_partitions(all=True):
        mount = partition.mountpoint.rstrip("/") + "/"
        # Of several on one mount point the last one is seen: an automounter's own lies below what it mounted.
        if (resolved + "/").startswith(mount) and len(mount) >= len(longest):
            longest, kind = mount, partition.fstype
    return kind
