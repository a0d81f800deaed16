"""Several machines on one: hosts with names, addresses and processes of their own, and cables that can be pulled.

A host is a set of namespaces: network, name, processes, mounts and shared memory. It has its own boot id, its own
/etc/hosts and one user, and it shares the filesystem with the others, as the nodes of a cluster do. The switch is a
network namespace with a bridge. So nothing of it is seen from outside, two sessions cannot meet, and when a host's
first process ends the kernel removes all the rest of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from services.keeper import Keeper

PROGRAMS = ("ip", "nsenter", "unshare", "mount", "hostname")

#: The one user of all hosts: PostgreSQL refuses root.
USER, UID = "somebody", 1000

#: The first process of a host: it only stays, and leaves no zombies.
_INIT = ["sh", "-c", "trap '' CHLD; exec sleep infinity"]


class Hosts:
    """Machines on a switch, gone with all that runs there when the tests end.

    Parameters
    ----------
    names : sequence of str
        Their names; the addresses are 10.77.0.1, 10.77.0.2, ...
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._by_name: dict[str, Host] = {}
        self._switch: _Namespaces | None = None

    @staticmethod
    def missing() -> str:
        """Why this machine cannot be divided; empty where it can."""
        if os.geteuid() != 0:
            return "only root can make network namespaces"
        if absent := [program for program in PROGRAMS if shutil.which(program) is None]:
            return f"no {', '.join(absent)}"
        tried = subprocess.run(
            ["unshare", "--net", "ip", "link", "add", "cable", "type", "veth", "peer", "name", "socket"],
            capture_output=True, text=True,
        )  # fmt: skip
        return tried.stderr.strip()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="torc-nb-hosts-"))
        self._keeper = Keeper(self.folder)
        try:
            switch = self._switch = _Namespaces(self.folder, ["--net"])
            switch.run("ip", "link", "add", "switch", "type", "bridge")
            switch.run("ip", "link", "set", "switch", "up")
            for number, name in enumerate(self._names, start=1):
                self._by_name[name] = Host(name, number, self.folder / name, switch)
            table = "".join(f"{host.address} {host.name}\n" for host in self._by_name.values())
            (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{table}")
            (self.folder / "passwd").write_text(
                f"root:x:0:0::/root:/bin/sh\n{USER}:x:{UID}:{UID}::{self.folder}:/bin/sh\n"
            )
            for host in self._by_name.values():
                host.boot()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def __getitem__(self, name: str) -> Host:
        return self._by_name[name]

    def _stop(self) -> None:
        for host in self._by_name.values():
            host.power_off()
        if self._switch is not None:
            self._switch.end()
        self._keeper.clean()


class Host:
    """One machine: switched on and off, and its cable pulled and plugged in.

    Parameters
    ----------
    folder : Path
        Holds what is this machine's alone; beside it is what all have.
    """

    def __init__(self, name: str, number: int, folder: Path, switch: _Namespaces) -> None:
        self.name = name
        self.address = f"10.77.0.{number}"
        self._number = number
        self._folder = folder
        self._switch = switch
        self._machine: _Namespaces | None = None
        folder.mkdir()

    def boot(self) -> None:
        """Switch it on; it is a new machine then, to those who look at its boot id."""
        machine = self._machine = _Namespaces(
            self._folder, ["--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "--mount-proc"]
        )
        machine.run("hostname", self.name)
        (self._folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        for source, target in (
            (self._folder / "boot_id", "/proc/sys/kernel/random/boot_id"),
            (self._folder.parent / "hosts", "/etc/hosts"),
            (self._folder.parent / "passwd", "/etc/passwd"),
        ):
            machine.run("mount", "--bind", str(source), target)
        machine.run("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")  # PostgreSQL's shared memory
        # The network card is the old one: others remember its address.
        self._switch.run(
            "ip", "link", "add", self.name, "type", "veth",
            "peer", "name", "eth0", "address", f"02:00:0a:4d:00:{self._number:02x}", "netns", str(machine.pid),
        )  # fmt: skip
        self._switch.run("ip", "link", "set", self.name, "master", "switch")
        machine.run("ip", "link", "set", "lo", "up")
        machine.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")
        self.plug_in()

    def power_off(self) -> None:
        """Kill all that runs there at once, and what is kept in its memory goes with it."""
        if self._machine is not None:
            with suppress(RuntimeError):  # it was not connected yet
                self._switch.run("ip", "link", "delete", self.name)
            self._machine.end()
            self._machine = None

    def pull_cable(self) -> None:
        """Cut it off from the others; its processes do not notice at once."""
        self._switch.run("ip", "link", "set", self.name, "down")

    def plug_in(self) -> None:
        """Connect it with the switch."""
        self._switch.run("ip", "link", "set", self.name, "up")

    def freeze(self) -> None:
        """Have all that runs there stand still, as where a machine hangs."""
        for pid in self._pids():
            _signal(pid, signal.SIGSTOP)

    def restore(self) -> None:
        """Have it switched on and connected, whatever was done to it."""
        for pid in self._pids():
            _signal(pid, signal.SIGCONT)
        if self._machine is None:
            self.boot()
        self.plug_in()

    def within(self, folder: Path) -> list[str]:
        """The words before those of a command that is to run there, in a folder, as the user."""
        assert self._machine is not None
        as_user = ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}", "--"]
        return [*self._machine.entrance, "env", f"--chdir={folder}", *as_user]

    def runs(self, pid: int) -> bool:
        """Whether a process is one of this machine."""
        with suppress(OSError):  # it has ended
            return self._machine is not None and self._machine.holds(pid)
        return False

    def _pids(self) -> list[int]:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if self.runs(pid)]


class _Namespaces:
    """Namespaces that last as long as their first process."""

    def __init__(self, folder: Path, kinds: Sequence[str]) -> None:
        self._enter = [f"--{kind.strip('-')}" for kind in kinds if kind not in ("--fork", "--mount-proc")]
        with (folder / "namespaces.log").open("ab") as log:
            self._holder = subprocess.Popen(
                ["unshare", *kinds, "--", *_INIT],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.pid = self._first_process("--fork" in kinds)

    @property
    def entrance(self) -> list[str]:
        """The words before those of a command that is to run there."""
        return ["nsenter", f"--target={self.pid}", *self._enter, "--"]

    def run(self, *words: str) -> None:
        """Run a command there, as root."""
        done = subprocess.run([*self.entrance, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")

    def holds(self, pid: int) -> bool:
        """Whether a process is in there; those that look after it from outside are not."""
        return Path(f"/proc/{pid}/ns/pid").readlink() == Path(f"/proc/{self.pid}/ns/pid").readlink()

    def end(self) -> None:
        """Kill the first process; with it go all others, and the namespaces."""
        _signal(self.pid, signal.SIGKILL)
        self._holder.wait()

    def _first_process(self, is_forked: bool) -> int:
        """The process that stays, once it is there."""
        holder = self._holder.pid
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._holder.poll() is None:
            pids = _children(holder) if is_forked else [holder]
            for pid in pids:
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\0"):
                    return pid
            time.sleep(0.01)
        raise RuntimeError("unshare made no namespaces")


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.kill(pid, number)


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
