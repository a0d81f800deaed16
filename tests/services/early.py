"""What takes minutes by its nature is begun with the session, and looked at by the session's last tests.

So a worker older than ten minutes, or a walltime, of which Slurm's shortest is a minute, costs the session no time.
A session of a few folders is too short for that and leaves these tests out, unless it is told to wait for them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from integration.works import leave_a_mark
from launch.conftest import WORKS, Answers

from services.keeper import Keeper
from services.place import settle
from services.slurm_cluster import SlurmCluster
from torc_nb.api import make_api
from torc_nb.launch import Launched, schedule, start_local
from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel

#: The fixtures that are begun with the session, in the order of their tests at its end.
EARLY = ("minute_worker", "minute_workflow", "old_worker")

#: A session that visits so many of the tests' folders lasts for some minutes anyhow.
MANY_FOLDERS = 6

ASKED = "TORC_NB_SLOW_TESTS"


class Begun(NamedTuple):
    """A worker of ``works.answer``, and where it leaves its answers."""

    launched: Launched
    answers: Answers


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Put the tests of early fixtures last, or leave them out; of those that were selected."""
    yield
    late = [item for name in EARLY for item in items if name in _fixtures(item)]
    items[:] = [item for item in items if item not in late] + late
    if len({item.path.parent for item in items}) < MANY_FOLDERS and ASKED not in os.environ:
        for item in late:
            item.add_marker(pytest.mark.skip(reason=f"takes minutes: run all tests, or set {ASKED}=1"))


@pytest.fixture(scope="session", autouse=True)
def _begin_early(request: pytest.FixtureRequest) -> None:
    """Begin, before the first test, what the last ones want."""
    wanted = {name for item in request.session.items if not item.get_closest_marker("skip") for name in _fixtures(item)}
    for name in EARLY:
        if name in wanted:
            # What goes wrong is told to the test that asks for it, and not to the first one.
            with suppress(Exception, pytest.fail.Exception, pytest.skip.Exception):
                request.getfixturevalue(name)


@pytest.fixture(scope="session")
def old_worker() -> Iterator[Begun]:
    """A worker on this machine, which is to be older than ten minutes."""
    folder = Path(tempfile.mkdtemp(prefix="torc-nb-old-"))
    keeper = Keeper(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            settle(folder, patch)
            patch.setenv("PYTHONPATH", WORKS)
            answers = Answers(folder / "answers")
            yield Begun(start_local(answers.settings(seconds=3600), folder, work="launch.works:answer"), answers)
    finally:
        keeper.clean()


@pytest.fixture(scope="session")
def minute_cluster(needs_slurm: None) -> Iterator[SlurmCluster]:
    """A private Slurm beside the one whose jobs are cancelled after each test."""
    with SlurmCluster(nodes=2) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def minute_worker(minute_cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """A worker whose allocation lasts for a minute, and who would stay for longer."""
    folder = tmp_path_factory.mktemp("minute")
    with pytest.MonkeyPatch.context() as patch:
        settle(folder, patch)
        patch.setenv("PYTHONPATH", WORKS)
        _reach(minute_cluster, patch)
        answers = Answers(folder / "answers")
        scheduler = SlurmSchedulerModel(walltime=60)
        (launched,) = schedule([answers.settings(seconds=300)], scheduler, folder, work="launch.works:answer")
        return Begun(launched, answers)


@pytest.fixture(scope="session")
def minute_workflow(minute_cluster: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workflow ``sweep`` of twelve jobs of 8 s, whose allocation has one CPU for a minute."""
    folder = tmp_path_factory.mktemp("minute")
    with pytest.MonkeyPatch.context() as patch:
        settle(folder, patch)
        _reach(minute_cluster, patch)
        api = make_api(f"sqlite:///{folder / 'torc.db'}")
        workflow_id = api.create_workflow(WorkflowModel(name="sweep", files=str(folder / "files"))).id or 0
        asked = ResourceRequirementsModel(workflow_id=workflow_id, runtime=8)
        api.map_function(workflow_id, leave_a_mark, range(12), [8.0] * 12, name="long", requirement=asked)
        api.schedule_nodes(workflow_id, 1, scheduler=SlurmSchedulerModel(cpus=1, walltime=60))
        api.database.close()
    return folder


def _fixtures(item: pytest.Item) -> tuple[str, ...]:
    return tuple(getattr(item, "fixturenames", ()))


def _reach(cluster: SlurmCluster, patch: pytest.MonkeyPatch) -> None:
    for name, value in cluster.environment.items():
        patch.setenv(name, value)
