"""Commands as a workflow's user declares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from torc_nb import Job, JobFailed, Workflow
from torc_nb.errors import Conflict, InvalidRequest, NotFound
from torc_nb.models import FileModel

Finish = Callable[[], None]


def test_a_command_from_its_declaration_to_its_output(wf: Workflow, finish: Finish, tmp_path: Path) -> None:
    """Among mapped functions, with files between; jobs list shows it; what it left is found."""
    rows = wf.map(lambda x: x + 1, [1, 2], name="rows")
    first = wf.command("echo 5 > five.txt; echo out > $TORC_OUTDIR/f", name="first", produces=["five.txt"])
    file = wf.api.create_file(FileModel(workflow_id=wf.id, path="five.txt"))
    second = wf.command("cat five.txt", needs=[file], blocked_by=[rows, first], memory="200m")
    third = wf.command("wc -c < five.txt", needs=[tmp_path / "five.txt"], blocked_by=second)
    assert isinstance(first, Job)
    assert (first.name, second.name, second.status) == ("first", "cat five.txt", "uninitialized")
    with pytest.raises(NotFound, match="has not run"):
        second.logs()
    wf.start()
    assert [first.status, second.status, third.status] == ["ready", "blocked", "blocked"]
    finish()
    third.wait(progress=False)
    assert [one.status for one in (first, second, third)] == ["completed"] * 3
    assert str(second.logs()) == "5"
    assert third.logs().stdout.strip() == "2"
    assert (first.outdir / "f").read_text() == "out\n"
    assert first.value() == {
        "files": {str(tmp_path / "five.txt"): {"mtime": (tmp_path / "five.txt").stat().st_mtime, "size": 2}}
    }
    assert second.value() is None
    assert wf.api.get_file(file.id or 0).size == 2
    listed = wf.jobs().set_index("name")
    assert listed.loc["cat five.txt", "command"] == "cat five.txt"
    assert wf.user_data()["name"].tolist() == ["0", "output_0", "1", "output_1"]
    assert repr(third).endswith("'wc -c < five.txt': completed)")


def test_saying_it_twice_does_it_once(
    wf: Workflow, finish: Finish, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another command of the same name, or other files, run at the next reinitialize; the same again does not."""

    def declare(word: str) -> Job:
        made = wf.command(f"echo {word} | tee said", name="say", produces=["said"])
        wf.command("cat said", needs=["said"])
        return made

    first = declare("one")
    finish()
    assert declare("one").id == first.id
    assert wf.api.progress(wf.id).total == 2
    wf.reinitialize()
    assert "nothing changed" in capsys.readouterr().out
    again = declare("two")
    assert "say: changed" in capsys.readouterr().out
    assert (again.id, again.status) == (first.id, "completed")
    rows = wf.reinitialize(dry_run=True)
    assert rows is not None
    assert rows["reason"].tolist() == ["parameter changed", f"downstream of job {first.id}"]
    assert "two" in str(rows["new"].iloc[0])
    assert "one" in str(rows["old"].iloc[0])
    wf.reinitialize()
    finish()
    assert (tmp_path / "said").read_text() == "two\n"
    assert [row.attempt for row in wf.api.list_results(wf.id)] == [1, 2, 1, 2]
    declare("one")
    declare("two")
    capsys.readouterr()
    wf.reinitialize()
    assert "nothing changed" in capsys.readouterr().out


def test_what_failed_says_how(wf: Workflow, finish: Finish) -> None:
    """In the exception, in the failures' table, and as the reason why others do not run."""
    bad = wf.command("echo printed; exit 3", name="bad")
    behind = wf.command("true", name="behind", blocked_by=[bad.id])
    finish()
    assert (bad.status, behind.status) == ("failed", "canceled")
    with pytest.raises(JobFailed, match=r"\(bad\) failed: ExitCode: exited with 3"):
        bad.value()
    assert bad.logs().stdout == "printed\n"
    assert wf.failures()["exception"].tolist() == ["ExitCode"]
    assert "exited with 3" in str(wf.jobs().loc[behind.id, "note"])
    (row,) = wf.api.list_results(wf.id, bad.id)
    assert row.return_code == 3
    wf.command("echo better", name="bad")
    assert wf.rerun() == 1
    finish()
    assert (bad.status, behind.status) == ("completed", "completed")


def test_what_makes_no_sense_is_refused(wf: Workflow, tmp_path: Path) -> None:
    """Nothing of it is left."""
    first = wf.command("true", name="first", produces=["a"], needs=["b"])
    with pytest.raises(Conflict, match="produced by job"):
        wf.command("true", name="second", produces=["a"])
    with pytest.raises(InvalidRequest, match="given as a list"):
        wf.command("true", name="second", needs="a")
    with pytest.raises(InvalidRequest, match="not for 'first'"):
        wf.command("true", name="second", blocked_by=["first"])  # type: ignore[list-item]
    with pytest.raises(NotFound, match="no job 99"):
        wf.command("true", name="second", blocked_by=99)
    with pytest.raises(InvalidRequest, match="empty"):
        wf.command("")
    assert wf.api.progress(wf.id).total == 1
    wf.command("true", name="second", needs=["a"], produces=["b"])
    with pytest.raises(InvalidRequest, match=f"Job {first.id} would wait for itself"):
        wf.command("true", name="first", produces=["a"], needs=["b"])
    record = next(one for one in wf.api.list_files(wf.id) if one.path == str(tmp_path / "a"))
    with pytest.raises(InvalidRequest, match="would wait for itself"):
        wf.api.relate_files(first.id, needs=[record.id or 0])


def test_files_that_are_related_later_count(wf: Workflow, finish: Finish) -> None:
    """A command waits for who makes what it needs; a file that is forgotten is not looked for."""
    late = wf.command("cat made", name="late")
    gone = wf.command("true", name="gone", needs=["never"])
    maker = wf.command("sleep 0.2; echo x > made", name="maker")
    file = wf.api.create_file(FileModel(workflow_id=wf.id, path="made"))
    wf.api.relate_files(maker.id, produces=[file.id or 0])
    wf.api.relate_files(late.id, needs=[file.id or 0])
    never = next(one for one in wf.api.list_files(wf.id) if one.name == "never")
    wf.api.delete_file(never.id or 0)
    finish()
    assert (late.status, gone.status, maker.status) == ("completed", "completed", "completed")
    assert late.logs().stdout == "x\n"
