"""What was asked of a private server when it was started: it is started again in the same way."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from torc_nb import private

FILE = "settings.json"


@dataclass(frozen=True)
class Settings:
    """How a server is to run.

    Attributes
    ----------
    address : str
        Host name or IP address by which the nodes reach it; empty: found out where it starts.
    networks : tuple of str
        Networks, ``10.0.0.0/16``, from which clients may come; empty: that of the address, and the cluster's nodes.
    port : int
        0: any that is free; it then keeps it as long as it can.
    backups : str
        The folder of the daily copies; empty: none are made.
    """

    address: str = ""
    networks: tuple[str, ...] = ()
    port: int = 0
    backups: str = ""

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """Read those of a server."""
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(**{**found, "networks": tuple(found["networks"])})

    def write(self, folder: Path) -> None:
        """Keep them."""
        temporary = folder / f"{FILE}.{os.getpid()}"
        private.write_text(temporary, json.dumps(asdict(self)))
        temporary.replace(folder / FILE)


def default_backups(folder: Path) -> str:
    """Where copies of a server's database go: not beside it, as one mishap should not take both."""
    state = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    return str(state / "torc_nb" / "backups" / str(folder.resolve()).strip("/").replace("/", "-"))
