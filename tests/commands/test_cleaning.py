"""`workflows clean`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_clean_counts_then_removes(terminal: Any, finished: Path) -> None:
    """A dry run names what would go; JSON has the numbers; what is young stays."""
    terminal.says("rerun 3")  # its failed attempt is the last that is known of it, and stays
    text = terminal.says("workflows clean --dry-run")
    assert text.startswith("Would remove 0 old attempt(s), 0 orphaned file(s), 0 log(s), 0 launch folder(s)")
    done = json.loads(terminal.says("workflows clean sweep --json"))
    assert (done["dry_run"], done["attempts"], done["launches"]) == (False, 0, 0)
    assert terminal.says("jobs logs 1").startswith("hello 0\n")
