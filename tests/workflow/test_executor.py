"""``wf.executor()`` keeps the promises of ``concurrent.futures.Executor``, and the workflow holds its calls."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, CancelledError, as_completed, wait
from pathlib import Path
from typing import Any

import pytest
from services.cable import Cable
from services.kernel import CellFailed, Kernel
from services.postgres_server import PostgresServer
from services.workers import end_workers
from workflow.submitted import (
    Scale,
    add,
    announced_wait,
    collected,
    divided,
    killed,
    raises_awkward,
    wait_for,
)

from torc_nb.errors import CannotCapture, InvalidRequest, JobFailed, LaunchError
from torc_nb.models import JobStatus
from torc_nb.workflow import Workflow, awaiting
from torc_nb.workflow.executor import Executor

SECONDS = 40

#: Tests of what does not depend on the database.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def ex(wf: Workflow) -> Iterator[Executor]:
    """An executor with a worker of two CPUs."""
    executor = wf.executor(local=2)
    yield executor
    wf.cancel()
    executor.shutdown()


def test_submit(ex: Executor) -> None:
    """By position, by name and by default; the job behind it is known."""
    future = ex.submit(add, 3, y=4)
    assert future.result(SECONDS) == 7
    assert future.done()
    assert not future.running()
    assert not future.cancel()
    assert ex.submit(add, 3).result(SECONDS) == 4
    assert ex.submit(pow, 2, 10).result(SECONDS) == 1024
    assert ex.submit(collected, 1, (2,), z={3}).result(SECONDS) == ((1, (2,)), {"z": {3}})
    assert isinstance(future.job_id, int)


def test_anything_that_can_be_called(ex: Executor) -> None:
    """Lambdas, closures, partials, bound methods and objects; what an object holds is what it held at each submit."""
    offset = 10
    scale = Scale(2)
    futures = [
        ex.submit(lambda x: x + offset, 1),
        ex.submit(functools.partial(add, y=5), 1),
        ex.submit(scale.times, 4),
        ex.submit(scale, 5),
    ]
    scale.factor = 3
    futures.append(ex.submit(scale.times, 4))
    assert [future.result(SECONDS) for future in futures] == [11, 6, 8, 10, 12]


def test_map(ex: Executor) -> None:
    """Several iterables, the shortest ends it; in order; a chunksize of at least 1 is taken."""
    assert list(ex.map(add, range(300), range(1000, 2000), chunksize=7)) == [1000 + 2 * x for x in range(300)]
    assert list(ex.map(add, [])) == []
    with pytest.raises(ValueError, match="chunksize"):
        ex.map(add, [1], chunksize=0)


def test_map_raises_the_first_error(ex: Executor) -> None:
    """The original exception, with what the worker saw as its cause."""
    results = ex.map(divided, [1, 2, 0, 4])
    assert [next(results), next(results)] == [1.0, 0.5]
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        next(results)
    assert "return 1 / x" in str(caught.value.__cause__)


def test_map_times_out(ex: Executor, tmp_path: Path) -> None:
    """The iterator raises; the call that runs goes on."""
    with pytest.raises(TimeoutError):
        list(ex.map(wait_for, [str(tmp_path / "go")], timeout=0))
    (tmp_path / "go").touch()


def test_an_iterator_given_up_cancels_the_rest(wf: Workflow) -> None:
    """As in the standard library."""
    with wf.executor() as ex:  # no worker comes for them
        results = ex.map(add, range(30), timeout=0)
        assert _until(lambda: wf.api.numbers(wf.id).get(JobStatus.READY) == 30)
        with pytest.raises(TimeoutError):
            next(results)
    assert wf.api.numbers(wf.id)[JobStatus.CANCELED] == 30


def test_errors_that_cannot_come_back(ex: Executor) -> None:
    """A worker's process that dies, and an exception that this process cannot rebuild, are told as JobFailed."""
    with pytest.raises(JobFailed, match=r"SIGKILL|signal 9"):
        ex.submit(killed).result(SECONDS)
    with pytest.raises(JobFailed, match="cannot come back") as caught:
        ex.submit(raises_awkward).result(SECONDS)
    assert "raise Awkward" in str(caught.value.__cause__)
    assert ex.submit(add, 1).result(SECONDS) == 2, "the others go on"


def test_what_cannot_travel_is_the_futures_exception(ex: Executor) -> None:
    """As with ProcessPoolExecutor, and the executor goes on."""
    lock = threading.Lock()
    assert isinstance(ex.submit(lambda: lock).exception(SECONDS), CannotCapture)
    error = ex.submit(add, lock).exception(SECONDS)
    assert error is not None
    assert "a lock" in str(error)
    assert ex.submit(add, 1).result(SECONDS) == 2


def test_cancel(ex: Executor, tmp_path: Path) -> None:
    """What waits can be canceled, what runs cannot."""
    blockers = [ex.submit(announced_wait, str(tmp_path)), ex.submit(announced_wait, str(tmp_path))]
    last = [ex.submit(wait_for, str(tmp_path / "go")) for _ in range(20)][-1]
    _until((tmp_path / "began").exists)
    assert _until(blockers[0].running)
    assert not blockers[0].cancel()
    told: list[Any] = []
    last.add_done_callback(told.append)
    assert last.cancel()
    assert last.cancelled()
    assert told == [last]
    assert last in wait([last], timeout=SECONDS).done
    with pytest.raises(CancelledError):
        last.result(SECONDS)
    (tmp_path / "go").touch()
    assert blockers[0].result(SECONDS) == "went on"


def test_canceled_from_elsewhere(wf: Workflow, ex: Executor, tmp_path: Path) -> None:
    """Whoever cancels jobs of the workflow cancels their futures, those that run too."""
    future = ex.submit(announced_wait, str(tmp_path))
    _until((tmp_path / "began").exists)
    wf.cancel([future.job_id or 0])
    with pytest.raises(CancelledError):
        future.result(SECONDS)


def test_a_canceled_workflow_takes_no_calls(wf: Workflow, ex: Executor) -> None:
    """It says so, and how to go on."""
    assert ex.submit(add, 1).result(SECONDS) == 2
    wf.cancel()
    with pytest.raises(InvalidRequest, match=r"wf\.start\(\)"):
        ex.submit(add, 1).result(SECONDS)


def test_wait_and_as_completed(ex: Executor, tmp_path: Path) -> None:
    """The module's functions work with these futures."""
    slow, quick, wrong = ex.submit(wait_for, str(tmp_path / "go")), ex.submit(add, 1), ex.submit(divided, 0)
    assert wait([slow, quick], timeout=SECONDS, return_when=FIRST_COMPLETED).done == {quick}
    assert wrong in wait([slow, wrong], timeout=SECONDS, return_when=FIRST_EXCEPTION).done
    (tmp_path / "go").touch()
    assert set(as_completed([slow, quick, wrong], timeout=SECONDS)) == {slow, quick, wrong}


def test_callbacks(ex: Executor, caplog: pytest.LogCaptureFixture) -> None:
    """Each is called once; one that raises is logged, and harms nobody."""
    called = threading.Event()
    future = ex.submit(add, 1)

    def fail(_: Any) -> None:
        raise ZeroDivisionError

    future.add_done_callback(fail)
    future.add_done_callback(lambda _: called.set())
    assert called.wait(SECONDS)
    assert ex.submit(add, 2).result(SECONDS) == 3


def test_asyncio(ex: Executor) -> None:
    """``run_in_executor`` and ``wrap_future`` take it."""

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            loop.run_in_executor(ex, add, 1), asyncio.wrap_future(ex.submit(add, 2)), loop.run_in_executor(ex, add, 3)
        )

    assert asyncio.run(main()) == [2, 3, 4]


def test_shutdown(wf: Workflow) -> None:
    """It waits for the calls, takes no more, may be said twice, and ends the worker that it brought."""
    with wf.executor(local=2) as ex:
        futures = [ex.submit(add, x) for x in range(50)]
    assert all(future.done() for future in futures)
    ex.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        ex.submit(add, 1)
    assert [worker.state for worker in wf.api.list_workers(wf.id)] == ["left"]


def test_shutdown_cancels(ex: Executor, tmp_path: Path) -> None:
    """With ``cancel_futures`` what no worker has is canceled; without waiting, what runs ends all the same."""
    running = ex.submit(announced_wait, str(tmp_path))
    _until((tmp_path / "began").exists)
    waiting = [ex.submit(wait_for, str(tmp_path / "go")) for _ in range(30)]
    ex.shutdown(wait=False, cancel_futures=True)
    assert waiting[-1].cancelled()
    assert not running.done()
    (tmp_path / "go").touch()
    assert running.result(SECONDS) == "went on"
    ex.shutdown()


def test_without_workers_it_says_so(wf: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of hanging; the call stays in the workflow, and runs when a worker comes."""
    monkeypatch.setattr(awaiting, "LOOK_AFTER", 0.1)
    with wf.executor() as ex:
        with pytest.raises(LaunchError, match=r"wf\.run\(\) starts one here(.|\n)*stays in the workflow"):
            ex.submit(add, 1).result(SECONDS)
        wf.run(num_cpus=1)
        assert ex.submit(add, 2).result(SECONDS) == 3
    wf.wait(timeout=SECONDS, progress=False)
    assert list(wf["executor:add"].results()["result"]) == [2, 3]


def test_the_workflow_holds_the_calls(wf: Workflow, ex: Executor) -> None:
    """As a map of the function: columns by the names of its parameters, failures grouped, each call reproducible."""
    assert list(ex.map(add, [1, 2], [3, 4])) == [4, 6]
    failed = ex.submit(divided, 0)
    assert isinstance(failed.exception(SECONDS), ZeroDivisionError)
    frame = wf["executor:add"].results()
    assert list(frame.columns) == ["x", "y", "result"]
    assert frame["result"].tolist() == [4, 6]
    assert wf["executor:divided"].failures()["jobs"].tolist() == [[failed.job_id]]
    again = wf.reproduce(failed.job_id or 0)
    with pytest.raises(ZeroDivisionError):
        again()


def test_code_stays_what_was_submitted(wf: Workflow, ex: Executor) -> None:
    """Two functions of one name share a map, each call with its own code; reinitialize finds nothing changed."""

    def version(number: int) -> Any:
        def work(x: int) -> int:
            return number * x

        return work

    assert [ex.submit(version(number), 5).result(SECONDS) for number in (1, 2)] == [5, 10]
    assert wf["executor:work"].results()["result"].tolist() == [5, 10]
    assert wf.api.reinitialize(wf.id).ready == 0
    assert wf.api.rerun(wf.id, [JobStatus.COMPLETED]).ready == 2
    wf.wait(timeout=SECONDS, progress=False)
    assert wf["executor:work"].results()["result"].tolist() == [5, 10]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_an_answer_that_is_lost_stores_no_call_twice(
    store_url: str, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """The server stores calls and the cable is cut before it says so: they are looked for before they are stored anew.

    One call and many, the next cut one right after; a worker runs each once.
    """
    with Cable(postgres_server.port) as cable:
        url = store_url.replace(f":{postgres_server.port}/", f":{cable.port}/")
        wf = Workflow("sweep", db=url, files=tmp_path / "files")
        ex = wf.executor()
        single = ex.submit(add, 1)
        _until(lambda: single.job_id)
        cable.cut_at_commit(2)
        futures = [ex.submit(add, x) for x in range(300)]
        assert _until(lambda: all(future.job_id for future in futures))
        assert cable.lost == 2
        assert len({future.job_id for future in futures}) == 300
        wf.run(num_cpus=2)
        assert [future.result(SECONDS) for future in [single, *futures]] == [2, *range(1, 301)]
        ex.shutdown()
        assert wf["executor:add"].results()["x"].tolist() == [1, *range(300)]
        end_workers(wf.api)
        wf.api.database.close()


@ON_SQLITE
def test_the_stop_button(kernels: list[Kernel], tmp_path: Path) -> None:
    """It ends the wait for a call, or for the end of a block, and not the call, which can be waited for again."""
    kernel, _ = kernels
    kernel.run("import pathlib, time\nfrom torc_nb import Workflow\nwf = Workflow('sweep')")
    kernel.run(f"""
def work(x):
    pathlib.Path({str(tmp_path)!r}, f"began{{x}}").touch()
    while not pathlib.Path({str(tmp_path)!r}, "go").exists():
        time.sleep(0.01)
    return x

ex = wf.executor(local=2)
future = ex.submit(work, 1)""")
    waiting = kernel.begin("future.result()")
    _until((tmp_path / "began1").exists)
    kernel.interrupt()
    with pytest.raises(CellFailed, match="KeyboardInterrupt"):
        kernel.finish(waiting)
    waiting = kernel.begin("""
with ex:
    second, third = (ex.submit(work, x) for x in (2, 3))
    third.result()""")
    _until((tmp_path / "began2").exists)
    kernel.interrupt()
    with pytest.raises(CellFailed, match="KeyboardInterrupt"):
        kernel.finish(waiting)
    (tmp_path / "go").touch()
    assert kernel.run("print(future.result(40), second.result(40), third.result(40))") == "1 2 3\n"


#: A program that does not shut its executor down.
CARELESS = """\
import sys
from torc_nb import Workflow
ex = Workflow("sweep", db=sys.argv[1]).executor(local=1)
ex.submit(pow, 2, 3).result(40)
for x in range(int(sys.argv[2])):
    ex.submit(pow, x, 2)
"""


@pytest.mark.parametrize("calls", [0, 500], ids=["idle", "busy"])
def test_one_that_is_never_shut_down_keeps_no_idle_worker(wf: Workflow, calls: int) -> None:
    """When its program ends the worker leaves, or goes on where there is work, which is all done."""
    subprocess.run([sys.executable, "-c", CARELESS, wf.api.database.url, str(calls)], check=True)
    if calls:
        wf.wait(timeout=SECONDS, progress=False)
        assert wf["executor:pow"].results()["result"].tolist() == [8, *(x**2 for x in range(calls))]
    else:
        assert _until(lambda: [one.state for one in wf.api.list_workers(wf.id)] == ["left"])


def test_both_kinds_of_workers_at_once_are_refused(wf: Workflow) -> None:
    """One or the other."""
    with pytest.raises(InvalidRequest, match="not both"):
        wf.executor(local=1, nodes=1)


def _until(condition: Any) -> bool:
    """Wait until a condition holds."""
    pause = threading.Event()
    for _ in range(100 * SECONDS):
        if condition():
            return True
        pause.wait(0.01)
    return False
