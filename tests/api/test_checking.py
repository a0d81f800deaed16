"""What is found before anything waits: here, and by a process on this machine where there is no Slurm."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from torc_nb.api import Api, Check, checking, storage
from torc_nb.errors import NotTrusted
from torc_nb.models import SlurmSchedulerModel, WorkflowModel

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

#: A package that torc_nb takes for an installed one.
PACKAGE = "tested_package"


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine be no part of a cluster."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))


def found(api: Api, workflow: WorkflowModel, **asked: object) -> dict[str, Check]:
    """What is found, by its name."""
    return {one.what: one for one in api.check(workflow.id or 0, **asked)}  # type: ignore[arg-type]


def install(folder: Path, version: str, text: str = "") -> Path:
    """Put the package into a folder, as pip would."""
    place = folder / "site-packages"
    (place / f"{PACKAGE}-{version}.dist-info").mkdir(parents=True)
    (place / f"{PACKAGE}-{version}.dist-info" / "METADATA").write_text(f"Name: {PACKAGE}\nVersion: {version}\n")
    (place / f"{PACKAGE}.py").write_text(text or f"version = {version!r}\n")
    return place


def test_all_is_well(api: Api, workflow: WorkflowModel) -> None:
    """Nothing is wrong, nothing is left, and no allocation or worker is entered."""

    def dumps(x: int) -> str:
        import pydantic

        return pydantic.VERSION

    api.map_function(workflow.id or 0, dumps, [1])
    seen = found(api, workflow)
    assert [one for one in seen.values() if one.ok is False] == []
    assert seen["Slurm"].ok is None
    assert seen["quota"].ok is None
    assert seen["database from the node"].ok
    assert seen["folder on the node"].ok
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in seen["Python on the node"].seen
    assert seen["packages on the node"].seen == "the same versions of 2 packages as here"
    assert seen["modules on the node"].seen == "imported: pydantic"
    assert list((Path(workflow.files) / "launches").iterdir()) == []
    assert api.list_workers(workflow.id or 0) == api.list_allocations(workflow.id or 0) == []


@ON_SQLITE
def test_packages_that_are_others_there(
    api: Api, workflow: WorkflowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version is told, with both; a module that ends Python is named; so is one that is not there."""

    def uses_it(x: int) -> str:
        import tested_package  # type: ignore[import-not-found]

        return f"{tested_package.version}{x}"

    search_path = os.environ["PYTHONPATH"]

    def found_with(*folders: Path) -> dict[str, Check]:
        """What is found where a worker, and the jobs, look for packages in these folders."""
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*map(str, folders), search_path]))
        api.map_function(workflow.id or 0, uses_it, [1], name="uses it")
        return found(api, workflow)

    monkeypatch.syspath_prepend(install(tmp_path / "here", "2.0"))
    seen = found_with(install(tmp_path / "there", "1.0"))
    assert (seen["packages on the node"].ok, seen["modules on the node"].ok) == (False, True)
    assert seen["packages on the node"].seen == f"{PACKAGE} 1.0, here 2.0"
    workflow = api.create_workflow(WorkflowModel(name="missing", files=str(tmp_path / "files")))
    seen = found_with()
    assert seen["modules on the node"].ok is False
    assert f"{PACKAGE}: ModuleNotFoundError: No module named" in seen["modules on the node"].seen
    workflow = api.create_workflow(WorkflowModel(name="crash", files=str(tmp_path / "files")))
    seen = found_with(install(tmp_path / "crash", "2.0", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"))
    assert f"{PACKAGE}: its import ends Python by SIGILL" in seen["modules on the node"].seen


@ON_SQLITE
def test_from_here_alone(api: Api, workflow: WorkflowModel) -> None:
    """No process is begun; that there is no Slurm is wrong where it was asked for."""
    seen = found(api, workflow, job=False, scheduler=SlurmSchedulerModel(partition="short"))
    assert list(seen) == ["database", "folder", "disk space", "quota", "Slurm"]
    assert seen["Slurm"].ok is False
    assert not (Path(workflow.files) / "launches").exists()


@ON_SQLITE
def test_a_folder_that_is_gone(api: Api, workflow: WorkflowModel) -> None:
    """It cannot be written; what to do is said."""
    Path(workflow.files).rmdir()
    seen = found(api, workflow, job=False)
    assert seen["folder"].ok is False
    assert "files=" in seen["folder"].advice


@ON_SQLITE
def test_a_disk_with_little_left(api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free is compared with what is wanted."""
    monkeypatch.setattr(storage, "LEAST", 2**70)
    seen = found(api, workflow, job=False)
    assert seen["disk space"].ok is False
    assert "free" in seen["disk space"].seen


@ON_SQLITE
@pytest.mark.parametrize(
    ("blocks", "ok", "expected"),
    [
        ("1048576 4194304 5242880 0", True, "1 GB of 4 GB used on nas:/home"),
        ("4404019* 4194304 5242880 6days", False, "4.2 GB of 4 GB used on nas:/home"),
        ("1048576 0 0 0", True, "1 GB used on nas:/home"),
    ],
)
def test_a_quota(
    api: Api, workflow: WorkflowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    blocks: str, ok: bool, expected: str,
) -> None:  # fmt: skip
    """As the quota command of Linux prints it."""
    program = tmp_path / "bin" / "quota"
    program.parent.mkdir()
    grace = blocks.split()[3].replace("6days", "1764400000")
    row = f"nas:/home {' '.join(blocks.split()[:3])} {grace} 5 0 0 0"
    head = "Disk quotas for user anna (uid 1000):"
    program.write_text(f"#!/bin/sh\necho '{head}'\necho ' Filesystem blocks quota limit grace'\necho '{row}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    seen = found(api, workflow, job=False)
    assert (seen["quota"].ok, seen["quota"].seen) == (ok, expected)


@ON_SQLITE
def test_another_users_workflow_is_not_looked_at(
    api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its modules would be imported."""
    monkeypatch.setattr("torc_nb.private.is_user", lambda name: False)
    with pytest.raises(NotTrusted):
        found(api, workflow)


@ON_SQLITE
def test_a_process_that_dies_is_told(api: Api, workflow: WorkflowModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it said last; nothing is waited for."""
    monkeypatch.setattr(checking.checkup, "WORK", "torc_nb.worker.checkup:nothing_of_that_name")
    monkeypatch.setattr(checking, "_LATE", 0.2)
    seen = found(api, workflow)
    assert seen["node"].ok is False
    assert "ended before it was done" in seen["node"].seen
    assert "nothing_of_that_name" in seen["node"].seen
    assert list((Path(workflow.files) / "launches").iterdir()) == []
