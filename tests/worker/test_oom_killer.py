"""How it is told that the kernel killed for want of memory; a real kill is in ``test_faults``."""

from __future__ import annotations

from pathlib import Path

from torc_nb.worker.oom_killer import LOOKS, OomKiller

#: As control groups of version 2 tell it.
EVENTS = "low 0\nhigh 0\nmax 9\noom 4\noom_kill {}\noom_group_kill 0\n"


def test_what_it_killed_lately(tmp_path: Path) -> None:
    """Between the first of the last looks and now; what it killed before our time, or long ago, is no reason."""
    counter = tmp_path / "memory.events"
    counter.write_text(EVENTS.format(3))
    seen = OomKiller([tmp_path / "absent", counter])
    assert not seen.has_killed
    counter.write_text(EVENTS.format(4))
    assert seen.has_killed
    for _ in range(LOOKS - 1):
        seen.look()
        assert seen.has_killed
    seen.look()
    assert not seen.has_killed


def test_where_nothing_counts_it(tmp_path: Path) -> None:
    """As on another system than Linux: it is never the kernel."""
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\n")  # an old kernel's
    assert not OomKiller([tmp_path / "memory.oom_control"]).has_killed
