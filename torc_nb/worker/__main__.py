"""Where a worker's process begins: ``python -m torc_nb.worker FOLDER NUMBER`` does that errand.

No signal handler is set here: the worker's own are the first and only ones.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

gc.disable()  # until the worker has imported what it needs: there is no garbage in it, and looking for some takes long

from torc_nb.worker.errand import Errand  # noqa: E402

if __name__ == "__main__":
    folder, number = sys.argv[1:]
    Errand.read(Path(folder) / f"{number}.json")()
    # All is written. To take the interpreter apart, module by module, would keep the node for a while.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
