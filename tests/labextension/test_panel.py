"""The JupyterLab panel without a browser: how it is packaged, and what its parts do that draw nothing."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from torc_nb.models import JobStatus
from torc_nb.models.palette import COLOURS, ORDER

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "labextension"


def test_statuses_are_those_of_the_package() -> None:
    """Names, colours, sentences and order of the table that the panel has."""
    text = (SOURCES / "src" / "statuses.ts").read_text()
    found = re.findall(r"name: '(\w+)',\s+colour: '(#\w+)',\s+sentence:\s+'([^']+)'", text)
    assert found == [(one.label, COLOURS[one], one.sentence) for one in ORDER]
    assert len(found) == len(JobStatus)


def test_parts_that_draw_nothing() -> None:
    """Texts, offers, and models that are asked and not answered: by Node's own test runner."""
    compiler = SOURCES / "node_modules" / "typescript" / "bin" / "tsc"
    if shutil.which("node") is None or not compiler.is_file():
        pytest.skip("there is no Node, or the panel was not built here")
    for command in (["node", compiler, "--project", "tests"], ["node", "--test", "--test-force-exit", "build/tests"]):
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert int(re.findall(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[0]) >= 39


def test_models_know_no_page_and_views_ask_no_server() -> None:
    """What draws is in ``.tsx``; it and the models know the server by its interface alone, which tests answer."""
    wiring = {"index.ts", "actions.ts", "commands.ts", "running.ts", "notify.ts", "icon.ts", "attach.ts"}
    sources = {path.name: path.read_text() for path in (SOURCES / "src").iterdir()}
    models = {name for name in sources if name.endswith(".ts")} - wiring - {"api.ts"}
    assert {"workflows.ts", "opened.ts", "rows.ts", "restoring.ts"} < models
    for name, text in sources.items():
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
        if name in models:
            drawing = r"\b(document|window|React|HTML\w*Element)\b[.(]|@lumino/widgets|from 'react'"
            assert not re.search(drawing, code), name
        if name.endswith(".tsx") or name in models:
            asking = r"(?<!state\?\.)\bfetch\(|ServerConnection|@jupyterlab/services"
            assert not re.search(asking, code), name
            assert not re.search(r"import (?!type )[^;]*from '\./api'", code), name


def test_the_lock_names_no_host_and_has_all_platforms() -> None:
    """What is built is the same wherever it is built."""
    lock = (SOURCES / "yarn.lock").read_text()
    assert "://" not in lock
    for platform in ("linux-x64-gnu", "linux-arm64-gnu", "darwin-arm64", "darwin-x64"):
        assert f"@rspack/binding-{platform}@" in lock


def test_jupyterlab_has_it() -> None:
    """It is installed, enabled and fits; without JupyterLab's shared packages it is small."""
    lab = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"], capture_output=True, text=True, timeout=100
    )
    said = lab.stdout + lab.stderr
    if "torc-nb" not in said and "CI" not in os.environ:
        pytest.skip("the panel was left out here")
    assert re.search(r"torc-nb v\S+ .*enabled.*OK", said), said
    built = Path(sys.prefix, "share", "jupyter", "labextensions", "torc-nb")
    assert json.loads((built / "install.json").read_text())["packageName"] == "torc-nb"
    scripts = sorted((built / "static").glob("*.js"))
    packed = sum(len(gzip.compress(script.read_bytes())) for script in scripts)
    assert 0 < packed < 150_000
