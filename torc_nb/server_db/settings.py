"""What was asked of a private server when it was started: it is started again in the same way."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from torc_nb import private
from torc_nb.server_db import network

FILE = "settings.json"
HOST, SLURM = "host", "slurm"


@dataclass(frozen=True)
class Settings:
    """How a server is to run.

    Attributes
    ----------
    on : str
        ``host``: as a process of the machine where it is started; ``slurm``: as a small Slurm job that renews itself.
    address : str
        Host name or IP address by which the nodes reach it; empty: found out where it starts.
    networks : tuple of str
        Networks, ``10.0.0.0/16``, from which clients may come; empty: that of the address, and the cluster's nodes.
    port : int
        0: any that is free; it then keeps it as long as it can.
    backups : str
        The folder of the daily copies; empty: none are made.
    sbatch : dict
        Options for its Slurm job, by sbatch's long names: ``{"partition": "services"}``.
    hosts : tuple of str
        Addresses of the machines where a server on Slurm was started, from which clients come as well.
    """

    on: str = HOST
    address: str = ""
    networks: tuple[str, ...] = ()
    port: int = 0
    backups: str = ""
    sbatch: dict[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """Read those of a server; of one that never ran, what is taken for granted."""
        try:
            found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(backups=default_backups(folder))
        return cls(**{**found, **{name: tuple(value) for name, value in found.items() if isinstance(value, list)}})

    def changed(self, given: dict[str, object]) -> Settings:
        """Return these with others in their place; a server on Slurm learns of this machine as well."""
        new = replace(self, **given)  # type: ignore[arg-type]
        if new.on == SLURM:
            new = replace(new, hosts=tuple(sorted({*new.hosts, network.address()})))
        return new

    def run_like(self, other: Settings) -> bool:
        """Whether a server that runs by the others runs by these too."""
        return replace(self, backups="") == replace(other, backups="")

    def write(self, folder: Path) -> None:
        """Keep them."""
        temporary = folder / f"{FILE}.{os.getpid()}"
        private.write_text(temporary, json.dumps(asdict(self)))
        temporary.replace(folder / FILE)


def default_backups(folder: Path) -> str:
    """Where copies of a server's database go: not beside it, as one mishap should not take both."""
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return str(state / "torc_nb" / "backups" / str(folder.resolve()).strip("/").replace("/", "-"))
