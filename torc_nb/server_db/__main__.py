"""``python -m torc_nb.server_db keep|take|revive|backup FOLDER``: the processes that look after a private server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from torc_nb.errors import TorcError
from torc_nb.server_db import backups, keeper, starting
from torc_nb.server_db.settings import Settings


def main(act: str, folder: Path) -> None:
    """Do what is asked; what fails is said in one sentence."""
    os.umask(0o077)
    try:
        if act in ("keep", "take"):
            keeper.Keeper(folder).keep(instead=act == "take")
        elif act == "revive":
            starting.revive(folder)
        elif act == "backup":
            backups.make_backup(folder, Path(Settings.read(folder).backups))
    except TorcError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
