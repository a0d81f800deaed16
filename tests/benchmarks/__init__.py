"""The benchmarks: torc_nb beside the systems a scientist would use instead; see README.md."""

from __future__ import annotations

import sys
from pathlib import Path

# The tests' services (Slurm, PostgreSQL) are imported as `services`, from the folder `tests`, as pytest does.
sys.path.append(str(Path(__file__).resolve().parents[1]))
