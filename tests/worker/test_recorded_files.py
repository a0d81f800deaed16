"""Files of which jobs return the paths, as real workers record them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torc_nb.store import recorded_files
from torc_nb.worker.folders import Folders, outdir_of

from .conftest import Site


def recorded(site: Site) -> dict[int, dict[str, tuple[float, int | None]]]:
    """The files of each completed job, by their paths."""
    found: dict[int, dict[str, tuple[float, int | None]]] = {}
    for row, path in recorded_files.of_completed(site.database, site.id):
        found.setdefault(row.job_id, {})[path] = (row.mtime, row.size)
    return found


def returns(what: str) -> Any:
    """Leave a file and return its path in one way or another."""
    import dataclasses
    import os
    from pathlib import Path

    @dataclasses.dataclass
    class Output:
        path: Path

    path = Path(f"{what}.txt")
    path.write_text("x" * len(what))
    match what:
        case "alone" | "größe ☃":
            return path
        case "absolute":
            return path.absolute()
        case "nested":
            return {"a": [1, (path, {"b": path})], "text": "y" * 1_200_000}
        case "dataclass":
            return Output(path)
        case "missing":
            return [Path("never"), Path("nul\0"), path]
        case "elsewhere":
            os.chdir("/")
            return path
        case "folder":
            Path("made").mkdir()
            return Path("made")
        case "bytes":
            odd = Path(os.fsdecode(b"odd-\xff"))
            odd.write_text("xyz")
            return odd
    return str(path)


def test_each_way_to_return_a_path(any_site: Site) -> None:
    """Alone, deep within, from a value that is kept as a file, relative to the job's folder wherever it went since."""
    ways = ["alone", "größe ☃", "absolute", "nested", "dataclass", "missing", "elsewhere", "folder", "bytes", "text"]
    any_site.map(returns, ways)
    assert any_site.run(num_cpus=1) == {"completed": len(ways)}
    ids = dict(zip(ways, [job.id for job in any_site.jobs()], strict=True))
    found = recorded(any_site)
    assert ids["text"] not in found
    made = any_site.here / "made"
    assert found.pop(ids["folder"]) == {str(made): (made.stat().st_mtime, None)}
    odd = any_site.here / os.fsdecode(b"odd-\xff")
    assert found.pop(ids["bytes"]) == {str(odd): (odd.stat().st_mtime, 3)}
    expected = {}
    for way in ways[:7]:
        path = any_site.here / f"{way}.txt"
        expected[ids[way]] = {str(path): (path.stat().st_mtime, len(way))}
    assert found == expected


def plain(row: int) -> Any:
    """Return what has no path in it."""
    return [row, {"path": "/etc/passwd", "of": (row, "/etc")}]


def fails(row: int) -> Any:
    """Return a path within something that cannot be stored."""
    import threading
    from pathlib import Path

    Path("left").write_text("x")
    return [Path("left"), threading.Lock()]


def test_without_a_path_nothing_is_kept(any_site: Site) -> None:
    """Nor where the job fails after all."""
    any_site.map(plain, range(200))
    any_site.map(fails, [0], name="fails")
    assert any_site.run(num_cpus=1) == {"completed": 200, "failed": 1}
    assert recorded(any_site) == {}
    with any_site.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM recorded_files").scalar() == 0


def leaves(row: int) -> Any:
    """Return what is in its output folder, and in the scratch that goes."""
    from torc_nb import current_job

    job = current_job()
    for path in (job.scratch / "temporary", job.outdir / "result"):
        path.write_text("12345")
    return {"out": job.outdir / "result", "all": job.outdir, "gone": job.scratch / "temporary"}


def test_output_is_recorded_where_it_stands_when_the_job_has_ended(site: Site) -> None:
    """Not in the draft, which has moved, nor in the scratch."""
    site.map(leaves, [0])
    assert site.run(num_cpus=1) == {"completed": 1}
    (job,) = site.jobs()
    out = outdir_of(site.files, job.id)
    assert recorded(site) == {
        job.id: {
            str(out / "result"): ((out / "result").stat().st_mtime, 5),
            str(out): (out.stat().st_mtime, None),
        }
    }


def test_only_what_is_in_the_draft_moves(tmp_path: Path) -> None:
    """A folder whose name begins alike stays."""
    folders = Folders(str(tmp_path / "node"), str(tmp_path), 7, 1)
    draft, final = str(folders.draft), str(folders.final)
    given = [draft, f"{draft}/a", f"{draft}0/a", "relative", f"/x{draft}"]
    assert folders.lasting(given) == [final, f"{final}/a", f"{draft}0/a", "relative", f"/x{draft}"]


def many(row: int) -> Any:
    """Return a path many times."""
    from pathlib import Path

    Path(f"file-{row}").write_text("x")
    return [Path(f"file-{row}")] * 1000 + [Path(f"./file-{row}"), Path("../here") / f"file-{row}"]


def test_a_file_is_recorded_once_by_each_of_its_names(any_site: Site) -> None:
    """However often it is returned; jobs are told apart."""
    any_site.map(many, range(20))
    assert any_site.run(num_cpus=2) == {"completed": 20}
    for number, (_, found) in enumerate(sorted(recorded(any_site).items())):
        assert set(found) == {
            str(any_site.here / f"file-{number}"), f"{any_site.here}/../here/file-{number}",
        }  # fmt: skip
