"""Who takes part: each system opened with two warm workers, as its own documentation shows it.

Each contender is imported only when it is its turn, in an interpreter of its own (see `trial`).
"""

# Most peers ship no types, and the tests' environment has none of them.
# mypy: disable-error-code="import-untyped,import-not-found,no-untyped-call,attr-defined"

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import Place
from tests.benchmarks.workload import run, totals

WORKERS = 2

Parameters = list[dict[str, Any]]
Call = Callable[[Parameters], Any]


@dataclass(frozen=True)
class Contender:
    """A system, how it was set up, and how to read the numbers out of what its map returns."""

    name: str
    setup: str
    package: str | None
    open: Callable[[Path], AbstractContextManager[Call]]
    read: Callable[[Any], list[float]] = totals


@contextmanager
def _process_pool(folder: Path) -> Iterator[Call]:
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(WORKERS) as pool:
        yield lambda params: list(pool.map(run, params, chunksize=1))


@contextmanager
def _joblib(folder: Path) -> Iterator[Call]:
    from joblib import Parallel, delayed

    with Parallel(n_jobs=WORKERS, backend="loky") as parallel:
        yield lambda params: parallel(delayed(run)(each) for each in params)


@contextmanager
def _dask(folder: Path) -> Iterator[Call]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(WORKERS, threads_per_worker=1, dashboard_address=None, local_directory=folder) as cluster,
        Client(cluster) as client,
    ):
        yield lambda params: client.gather(client.map(run, params, pure=False))


@contextmanager
def _parsl(folder: Path) -> Iterator[Call]:
    import parsl
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    executor = HighThroughputExecutor(
        address="127.0.0.1", max_workers_per_node=WORKERS, provider=LocalProvider(init_blocks=1, max_blocks=1)
    )
    config = Config([executor], run_dir=str(folder), strategy="none", usage_tracking=0, initialize_logging=False)
    with parsl.load(config):
        app = parsl.python_app(run)
        yield lambda params: [future.result() for future in [app(each) for each in params]]


@contextmanager
def _ipyparallel(folder: Path) -> Iterator[Call]:
    os.environ["IPYTHONDIR"] = str(folder)
    import ipyparallel

    with ipyparallel.Cluster(n=WORKERS, log_level=40) as client:
        view = client.load_balanced_view()
        yield lambda params: view.map_sync(run, params)


@contextmanager
def _executorlib(folder: Path, block_allocation: bool = False) -> Iterator[Call]:
    from executorlib import SingleNodeExecutor

    with SingleNodeExecutor(max_cores=WORKERS, block_allocation=block_allocation) as executor:
        yield lambda params: [future.result() for future in [executor.submit(run, each) for each in params]]


@contextmanager
def _executorlib_block(folder: Path) -> Iterator[Call]:
    with _executorlib(folder, block_allocation=True) as call:
        yield call


@contextmanager
def _submitit(folder: Path) -> Iterator[Call]:
    import submitit

    executor = submitit.AutoExecutor(folder, cluster="local")
    executor.update_parameters(timeout_min=10)
    yield lambda params: [job.result() for job in executor.map_array(run, params)]


@contextmanager
def _torc_nb(folder: Path) -> Iterator[Call]:
    workflow = Place(f"sqlite:///{folder}/torc.db", f"{folder}/files").workflow("bench")
    workflow.run(num_cpus=WORKERS)
    names = (f"map{number}" for number in count())

    def call(params: Parameters) -> Any:
        declared = workflow.map(run, params, name=next(names))
        declared.wait(progress=False)
        return declared.results()

    try:
        yield call
    finally:
        workflow.cancel()


def _result_column(frame: Any) -> list[float]:
    return [float(total) for total in frame["result.total"]]


POOL = Contender("ProcessPoolExecutor", "2 processes, `map(chunksize=1)`", None, _process_pool)
TORC_NB = Contender(
    "torc_nb",
    "`map` to `results()`, SQLite, one worker of 2 CPUs; capture, memory, CPU time and fingerprints on",
    "torc_nb", _torc_nb, _result_column,
)
CONTENDERS = {
    contender.name: contender
    for contender in [
        TORC_NB,
        POOL,
        Contender("joblib", "loky, `n_jobs=2`, its automatic batches", "joblib", _joblib),
        Contender("dask.distributed", "LocalCluster, 2 processes of 1 thread, `map(pure=False)`, `gather`",
                  "distributed", _dask),
        Contender("Parsl", "HighThroughputExecutor, local provider, 2 workers, no monitoring", "parsl", _parsl),
        Contender("ipyparallel", "2 engines, load-balanced view, `map_sync`", "ipyparallel", _ipyparallel),
        Contender("executorlib", "SingleNodeExecutor, `max_cores=2`: a process per call", "executorlib", _executorlib),
        Contender("executorlib, block", "SingleNodeExecutor, `block_allocation=True`: 2 warm processes", "executorlib",
                  _executorlib_block),
        Contender("submitit", "local executor, `map_array`: all at once, a Python start per job", "submitit",
                  _submitit),
    ]
}
