"""Where a worker's process begins: ``python -m torc_nb.launch.begin FOLDER NUMBER`` does that errand.

No signal handler is set here: the worker's own are the first and only ones.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

gc.disable()  # until the worker has imported what it needs: there is no garbage in it, and looking for some takes long

from torc_nb.launch.carrier import DelayedSubmission  # noqa: E402


def main(folder: str, number: str) -> None:
    """Load the errand that submitit carried, and do it."""
    DelayedSubmission.load(Path(folder) / f"{number}.pkl").result()


if __name__ == "__main__":
    main(*sys.argv[1:])
