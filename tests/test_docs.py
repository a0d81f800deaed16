"""The documentation can be built, loads nothing from elsewhere, and says what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from services.kernel import execute

DOCS = Path(__file__).parent.parent / "docs"
README = DOCS.parent / "README.md"
TUTORIAL = DOCS / "tutorial" / "script.md"

#: Where a browser finds what it loads by itself: everything but links to be clicked on.
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}


class Loads(HTMLParser):
    """Gathers the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and given.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(given.get(LOADED[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it, with broken references as errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", str(DOCS), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_every_command_and_status_is_there(site: Path) -> None:
    """The references come from the code: a command two nouns deep, one of the notebook's, and each move of a job."""
    commands = (site / "reference" / "commands.html").read_text()
    for anchor in ("hpc-slurm-schedule-nodes", "user-data-modify", "map"):
        assert f'<section id="{anchor}">' in commands
    assert "Empty it at each reinitialize." in commands
    statuses = (site / "reference" / "statuses.html").read_text()
    assert "ended → in line" in statuses


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    """No script, style, picture or font of a page is on another host."""
    pages = Loads()
    for path in site.rglob("*.html"):
        pages.feed(path.read_text())
    assert len(pages.found) > 20
    assert [address for address in pages.found if re.match(r"(https?:)?//", address)] == []
    styles = [path for path in site.rglob("*.css") if re.search(r"(url\(|@import)\s*['\"]?https?:", path.read_text())]
    assert styles == []


def test_the_arrows_of_the_diagram_are_the_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrows between frames and statuses stand for the moves of the table, and for no other."""
    monkeypatch.syspath_prepend(DOCS / "extensions")
    import statuses

    from torc_nb.models import MOVES, JobStatus

    members = {name: group for name, (group, _) in statuses.FRAMES.items()} | {one.label: {one} for one in JobStatus}
    drawn = {(a, b) for source, target in statuses.arrows() for a in members[source] for b in members[target]}
    assert drawn == {(source, target) for source, targets in MOVES.items() for target in targets}
    assert set(statuses.arrows()) == set(statuses.ROUTES), "lay out where the new arrow runs, and remove what is gone"


def test_the_first_lines_work(tmp_path: Path) -> None:
    """What stands on the first page can be typed as it stands."""
    (lines,) = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    script = tmp_path / "first.py"
    script.write_text(f"{lines}\nprint(m.results()['result.square'].sum())\nwf.cancel()\n")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=os.environ | {"TORC_NB_PROGRESS": "plain"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(sum(x * x for x in range(1000))) in done.stdout.splitlines()


def test_five_lines_of_the_readme_plot(tmp_path: Path) -> None:
    """From an empty notebook to a picture of all results: five lines, and no more is read than the first page."""
    (lines,) = (one for one in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "m.live" in one)
    assert len([line for line in lines.splitlines() if line]) == 5
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"{lines}\nm.wait()\nwf.cancel()")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(DOCS.parent))
        execute(notebook, tmp_path)
    shown = [output["data"] for output in notebook.cells[0].outputs if output["output_type"] == "display_data"]
    assert any("image/png" in data for data in shown)


def test_the_tutorial_says_what_happens(tmp_path: Path) -> None:
    """Each command of the tutorial prints what the page says; `python docs/replay.py PAGE` writes it anew."""
    page = tmp_path / TUTORIAL.name
    page.write_text(TUTORIAL.read_text())
    done = subprocess.run([sys.executable, DOCS / "replay.py", page], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert page.read_text() == TUTORIAL.read_text()
