"""A whole map under the most careless umask: nothing of it can be read or written by others."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

STUDY = """
import os
import subprocess
import sys
from pathlib import Path

from torc_nb import Workflow, current_job


def run(x):
    print("row", x)
    job = current_job()
    (job.outdir / "out.txt").write_text("mine")
    made = [os.stat(folder).st_mode for folder in (job.scratch, job.scratch.parent, job.outdir)]
    Path("of the job").write_text("")
    return {"modes": made, "large": "x" * 3_000_000}


def total(results):
    return len(results)


url, here = sys.argv[1:]
wf = Workflow("study", db=url, files=f"{here}/shared/files")
m = wf.map(run, range(4), postprocess=total)
wf.command("echo one > $TORC_OUTDIR/one", name="command")
wf.run(num_cpus=2)
wf.wait(timeout=60, progress=False)
assert m.postprocess_result() == 4, wf.failures()
assert all(mode & 0o077 == 0 for one in m for mode in one["modes"])
wf.api.export_workflow(wf.id, f"{here}/export.json.gz")
wf.api.import_workflow(f"{here}/export.json.gz", name="again", files=f"{here}/taken")
subprocess.run([sys.executable, "-m", "torc_nb.cli", "workflows", "use", str(wf.id), "--db", url])
print(sorted(path.name for path in Path(here).rglob("*.db*")))
wf.api.cancel_allocations(wf.id)
"""


@pytest.fixture
def careless(store_url: str, tmp_path: Path) -> Path:
    """The folder in which a user without any umask has mapped, run, exported and imported."""
    here = tmp_path / "here"
    here.mkdir(mode=0o700)
    (here / "study.py").write_text(STUDY)
    url = store_url.replace(str(tmp_path), str(here / "kept"))
    ran = subprocess.run(
        [sys.executable, "study.py", url, str(here)],
        cwd=here,
        env={**os.environ, "XDG_STATE_HOME": str(here / "state"), "TMPDIR": str(here)},
        umask=0,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert store_url.startswith("postgres") or "torc.db-wal" in ran.stdout
    return here


def test_nothing_is_there_for_others(careless: Path) -> None:
    """Database and journals, values, logs, launches, exports, what is remembered; a job's own files are its own."""
    ours = [path for path in careless.rglob("*") if path.name not in ("study.py", "of the job")]
    assert (careless / "of the job").stat().st_mode & 0o777 == 0o666
    kinds = {part for path in ours for part in path.relative_to(careless).parts}
    assert {"values", "logs", "launches", "out", "0.json", "0.log", "export.json.gz", "databases.json"} <= kinds
    open_ones = [
        f"{path.relative_to(careless)} {stat.filemode(path.stat().st_mode)}"
        for path in ours
        if path.stat().st_mode & 0o077 and not path.is_relative_to(careless / "shared" / "files" / "1" / "out" / "000")
    ]
    assert open_ones == []
