"""A real Slurm for the tests: one controller and several nodes on this machine, in a temporary folder.

Nothing is imitated but the hosts: every node is a slurmd with a port, a name and a spool of its own. It needs
neither munge nor root, and it has no accounting, so sacct fails there, as at some real sites; `slurm_accounting` has a
form with it.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from services.keeper import Keeper
from services.ports import free_ports

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel", "scontrol")
START_SECONDS = 60.0

_CONFIGURATION = """\
ClusterName=torc
SlurmUser={user}
SlurmdUser={user}
# No munge daemon: on a machine of its own the cluster trusts whoever connects.
AuthType=auth/none
CredType=cred/none
# A requeued job waits until its old credential has expired: 6 s so, else 2 minutes.
AuthInfo=cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
{accounting}
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# The nodes are what is written below, not what this machine has.
SlurmdParameters=config_overrides
# The controller looks at its queue once a second, whatever these say: a job starts half a second late on average.
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
PropagateResourceLimits=NONE
ReturnToService=2
KillWait=5
InactiveLimit=0
SlurmdTimeout=30
MessageTimeout=20
"""


class SlurmCluster:
    """A private Slurm cluster, gone with all its jobs when it stops or when the process that started it ends.

    Parameters
    ----------
    nodes : int, default 3
        How many, named ``n1``, ``n2``, ...
    cpus : int, default 4
        CPUs of each node, as Slurm is told.
    memory : int, default 4000
        Memory of each node in MiB, as Slurm is told.
    extra : sequence of str
        Further lines of slurm.conf.
    as_user : sequence of str
        What runs a command as the user whose cluster it is to be; default: as whoever runs the tests.
    user : str
        The name of that user.
    """

    def __init__(
        self,
        nodes: int = 3,
        cpus: int = 4,
        memory: int = 4000,
        extra: Sequence[str] = (),
        as_user: Sequence[str] = (),
        user: str = "",
    ) -> None:
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self._shape = f"CPUs={cpus} RealMemory={memory}"
        self._memory_per_cpu = memory // cpus
        self._extra = list(extra)
        self._as_user = list(as_user)
        self._user = user or getpass.getuser()
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    @staticmethod
    def missing() -> list[str]:
        """The programs that this machine lacks for a cluster."""
        return [program for program in PROGRAMS if shutil.which(program, path=search_path()) is None]

    def start(self) -> Self:
        """Start it and wait until every node is idle."""
        self.folder = Path(tempfile.mkdtemp(prefix="torc-nb-slurm-"))
        self._keeper = Keeper(self.folder)
        try:
            self._configure()
            self._before_controller()
            self._spawn("slurmctld", "slurmctld", "-D")
            for node in self.nodes:
                self.start_slurmd(node)
            self.wait_until_idle(START_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it with every job and every process that knows of it."""
        self._keeper.clean()
        for daemon in self._daemons.values():
            daemon.wait()
        self._daemons.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What makes Slurm's commands speak to this cluster."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, program: str, *arguments: str) -> str:
        """What a command of Slurm prints, for instance ``run("scontrol", "show", "node", "n1")``."""
        done = subprocess.run(
            [*self._within("slurmctld"), program, *arguments],
            env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def sbatch(self, *options: str, script: str | None = None) -> str:
        """Submit a shell command, or a script with its options; returns the id of the job."""
        wrapped = [] if script is None else [f"--wrap={script}"]
        output = [f"--output={self.folder}/job-%A_%a.log"]
        return self.run("sbatch", "--parsable", *output, *options, *wrapped).strip()

    def squeue(self, *options: str) -> list[str]:
        """The lines that squeue prints, without its header."""
        return self.run("squeue", "--noheader", *options).splitlines()

    def start_slurmd(self, node: str) -> None:
        """Bring a node up."""
        (self.folder / "spool" / node).mkdir(parents=True, exist_ok=True)
        self._spawn(node, "slurmd", "-D", "-N", node)

    def kill_slurmd(self, node: str) -> None:
        """Kill a node's daemon at once; what runs on the node goes on, unattended."""
        daemon = self._daemons.pop(node)
        daemon.kill()
        daemon.wait()

    def clear(self) -> None:
        """Cancel all jobs, and wait until all nodes are free again."""
        jobs = self.squeue("--format=%A")
        if jobs:
            self.run("scancel", "--quiet", *jobs)
            self.wait_until_idle(30)

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until every node is up and has no job."""
        expected = {f"{node} idle" for node in self.nodes}
        deadline = time.monotonic() + seconds
        while self._states() != expected:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not idle after {seconds} s: {self._states()}\n{self.log()}")
            time.sleep(0.05)

    def log(self, lines: int = 30) -> str:
        """The end of every daemon's log."""
        texts = []
        for path in sorted(self.folder.glob("*.log")):
            tail = path.read_text(errors="replace").splitlines()[-lines:]
            texts.append("\n".join([f"--- {path.name}", *tail]))
        return "\n".join(texts)

    def _states(self) -> set[str]:
        try:
            return set(self.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines())
        except RuntimeError:  # the controller does not answer yet
            return set()

    def _configure(self) -> None:
        (self.folder / "state").mkdir()
        lines = [
            _CONFIGURATION.format(user=self._user, folder=self.folder, accounting=self._accounting()),
            *self._places(),
            # As most sites do: a job that does not say otherwise gets its CPUs' share, else the whole node's memory.
            f"DefMemPerCPU={self._memory_per_cpu}",
            "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 OverSubscribe=NO State=UP",
            *self._extra,
        ]
        (self.folder / "slurm.conf").write_text("\n".join(lines) + "\n")

    def _accounting(self) -> str:
        """The lines of slurm.conf that say who keeps account: nobody."""
        return "AccountingStorageType=accounting_storage/none"

    def _before_controller(self) -> None:
        """Start what has to run before the controller does."""

    def _places(self) -> list[str]:
        """The lines that say where the controller and the nodes are: all here."""
        host = socket.gethostname().partition(".")[0]
        controller_port, *ports = free_ports(1 + len(self.nodes))
        return [
            f"SlurmctldHost={host}(127.0.0.1)",
            f"SlurmctldPort={controller_port}",
            *(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} {self._shape} State=UNKNOWN"
                for node, port in zip(self.nodes, ports, strict=True)
            ),
        ]

    def _within(self, name: str) -> list[str]:
        """The words before those of a daemon's command; those of the controller are before all other commands too."""
        return self._as_user

    def _spawn(self, name: str, program: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out").open("wb") as output:
            self._daemons[name] = subprocess.Popen(
                [*self._within(name), program, *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        # Tests may run within a Slurm job, whose variables would be taken for options.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
        return inherited | self.environment | {"PATH": search_path()}


def search_path() -> str:
    """PATH, and the folders of daemons, which an ordinary user's PATH may lack."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
