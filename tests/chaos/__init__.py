"""Chaos: random faults against a running workflow, and an oracle that says at its end whether anything went wrong."""

from __future__ import annotations

import sys
from pathlib import Path

# The parts, and the tests' services (Slurm, PostgreSQL), are imported from the folder `tests`, as pytest does.
sys.path.append(str(Path(__file__).resolve().parents[1]))
