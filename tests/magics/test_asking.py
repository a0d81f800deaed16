"""Question marks behind ``%torc`` in a real kernel."""

from __future__ import annotations

from services.kernel import Kernel


def test_the_pager_has_the_help(kernel: Kernel) -> None:
    """Before or behind, of the commands, a noun, a verb, whatever stands above; a string stays as it is."""
    for cell in ("%torc?", "?%torc", "%%torc?"):
        assert kernel.pager(cell).startswith("Usage: %torc [OPTIONS]")
    for cell in ("%torc jobs?", "?%torc jobs", "%torc jobs??", "x = 1\n%torc jobs ?"):
        assert kernel.pager(cell).startswith("Usage: %torc jobs [OPTIONS] COMMAND") or kernel.pager(cell).startswith(
            "Usage: %torc jobs [OPTIONS] [COMMAND]"
        )
    for cell in ("%torc jobs list?", "?%torc jobs list", "if True:\n    %torc jobs list --status failed?"):
        assert kernel.pager(cell).startswith("Usage: %torc jobs list [OPTIONS]")
    assert "Do you mean `jobs`?" in kernel.sees("%torc jbos?")
    assert kernel.pager("import os\nos.sep?")
    assert kernel.run('text = """\n%torc jobs?\n"""\nprint(text)') == "\n%torc jobs?\n\n"


def test_the_tooltip_has_the_help(kernel: Kernel) -> None:
    """Of the line at the cursor, and of a variable as ever; loading again changes nothing."""
    kernel.run("%reload_ext torc_nb\nparams = [1, 2]")
    assert kernel.tooltip("%torc").startswith("Usage: %torc [OPTIONS]")
    assert kernel.tooltip("df = %torc jobs").startswith("Usage: %torc jobs")
    assert kernel.tooltip("x = 1\n%torc jobs list --status failed").startswith("Usage: %torc jobs list")
    assert kernel.tooltip("%torc jbos") == ""
    assert "list" in kernel.tooltip("params")
