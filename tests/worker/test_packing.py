"""What runs side by side: never more than the node offers, and each job with what it asked for."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from torc_nb.models import JobStatus, Request, Room
from torc_nb.worker.packing import Packing

from .conftest import Site

MIB = 1 << 20


def stay(row: float) -> dict[str, Any]:
    """Say when and where it ran."""
    began = time.time()
    time.sleep(row)
    return {
        "began": began,
        "ended": time.time(),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": os.environ["OMP_NUM_THREADS"],
        "cpus": sorted(os.sched_getaffinity(0)),
    }


def most_at_once(stays: list[tuple[dict[str, Any], int]]) -> int:
    """The largest sum of weights of stays that overlap."""
    moments = [(stay["began"], weight) for stay, weight in stays] + [(stay["ended"], -weight) for stay, weight in stays]
    return max(itertools.accumulate(weight for _, weight in sorted(moments)))


def test_mixed_requests_never_exceed_the_node(site: Site) -> None:
    """Maps of different requests share four CPUs, 400 MiB and two GPUs; side by side, but never beyond."""
    requests = {
        "one": {"num_cpus": 1, "memory": 40 * MIB},
        "three": {"num_cpus": 3, "memory": 60 * MIB},
        "big": {"num_cpus": 1, "memory": 250 * MIB},
        "gpu": {"num_cpus": 1, "num_gpus": 1, "memory": 40 * MIB},
    }
    map_ids = {
        name: site.map(stay, [0.1 + i / 1000 for i in range(5)], name=name, **request)
        for name, request in requests.items()
    }
    settings = {"num_cpus": 4, "memory": 400 * MIB}
    assert site.run(environ={"CUDA_VISIBLE_DEVICES": "0,1"}, **settings) == {"completed": 20}
    stays = [(value, requests[name]) for name in requests for value in site.values(map_ids[name])]
    assert 3 <= most_at_once([(value, request["num_cpus"]) for value, request in stays]) <= 4
    assert most_at_once([(value, request["memory"] // MIB) for value, request in stays]) <= 400
    assert most_at_once([(value, request.get("num_gpus", 0)) for value, request in stays]) <= 2
    assert {value["threads"] for value in site.values(map_ids["three"])} == {"3"}
    assert {value["gpus"] for value in site.values(map_ids["one"])} == {""}
    assert {value["gpus"] for value in site.values(map_ids["gpu"])} <= {"0", "1"}


def test_gpus_are_not_shared(site: Site) -> None:
    """Two jobs that overlap never see the same GPU; one that asks for two sees both."""
    single = site.map(stay, [0.2, 0.2, 0.2, 0.2], num_gpus=1, memory=MIB)
    double = site.map(stay, [0.1], name="double", num_gpus=2, memory=MIB)
    assert site.run(num_cpus=4, environ={"CUDA_VISIBLE_DEVICES": "GPU-a, GPU-b"}) == {"completed": 5}
    stays = site.values(single)
    for gpu in ("GPU-a", "GPU-b"):
        assert most_at_once([(value, 1) for value in stays if value["gpus"] == gpu]) == 1
    assert sorted(site.values(double)[0]["gpus"].split(",")) == ["GPU-a", "GPU-b"]


def test_a_wide_and_a_narrow_job_run_side_by_side(site: Site) -> None:
    """On four CPUs a job of three and a job of one meet, each waiting for the other."""

    def meet(names: tuple[str, str]) -> bool:
        own, other = map(Path, names)
        own.touch()
        deadline = time.monotonic() + 30
        while not other.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return other.exists()

    wide = site.map(meet, [("wide", "narrow")], name="wide", num_cpus=3, memory=MIB)
    narrow = site.map(meet, [("narrow", "wide")], name="narrow", num_cpus=1, memory=MIB)
    assert site.run(num_cpus=4) == {"completed": 2}
    assert site.values(wide) == site.values(narrow) == [True]


def test_what_never_fits_is_never_claimed(site: Site) -> None:
    """Jobs too large for the node stay ready and untouched, and the worker that waits for others stays calm."""
    site.map(stay, [0.0], name="cpus", num_cpus=64)
    site.map(stay, [0.0], name="gpus", num_gpus=3)
    site.map(stay, [0.0], name="memory", memory="900g")
    fits = site.map(stay, [0.0] * 20, name="fits")
    worker = site.worker(num_cpus=2, idle_timeout=0.7)
    site.until(lambda: site.statuses(fits) == {"completed": 20})
    worker.wait(20)
    assert site.statuses() == {"completed": 20, "ready": 3}
    assert all(job.attempt == 0 for job in site.jobs(JobStatus.READY))


def test_only_what_fits_the_time_left_is_claimed(site: Site) -> None:
    """Of an allocation's last ten minutes, jobs of up to these and a small grace are taken, longer ones are not."""
    maps = {
        name: site.map(stay, [0.0], name=name, runtime=runtime)
        for name, runtime in {"short": 10, "just": 610, "long": 660, "unknown": None}.items()
    }
    end = {"SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": str(int(time.time()) + 600), "SLURM_CPUS_ON_NODE": "2"}
    site.run(environ=end, idle_timeout=0.7)
    done = {name for name, map_id in maps.items() if site.statuses(map_id) == {"completed": 1}}
    assert done == {"short", "just", "unknown"}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_jobs_are_pinned_to_their_own_cpus(site: Site) -> None:
    """Where the worker offers all CPUs that it may use, jobs side by side have CPUs of their own."""
    all_cpus = sorted(os.sched_getaffinity(0))
    map_id = site.map(stay, [0.3] * len(all_cpus))
    assert site.run() == {"completed": len(all_cpus)}
    stays = site.values(map_id)
    for cpu in all_cpus:
        assert most_at_once([(value, 1) for value in stays if cpu in value["cpus"]]) == 1


def grow(row: int) -> int:
    """Take so many MiB in steps, in a program for negative numbers, and keep them for a while."""
    import subprocess
    import sys

    code = "import time, sys\nblocks = []\n"
    code += f"for _ in range({abs(row)} // 10): blocks.append(b'x' * (10 << 20)); time.sleep(0.02)\n"
    code += "time.sleep(8)"  # longer than a busy machine keeps the worker from looking
    if row < 0:
        subprocess.run([sys.executable, "-c", code], check=True)
    else:
        exec(code)
    return row


@pytest.mark.parametrize("greedy", [300, -300])
def test_the_job_furthest_over_its_request_is_stopped(site: Site, greedy: int) -> None:
    """When the node's memory is used up the greediest is stopped, with the numbers; the others live."""
    site.map(grow, [20, greedy], memory=80 * MIB)
    assert site.run(num_cpus=2, memory=250 * MIB) == {"completed": 1, "failed": 1}
    (job,) = site.jobs(JobStatus.FAILED)
    ended = site.result(job.id)
    assert job.row == 1
    assert ended.error_type == "MemoryError"
    assert "of 80 MiB" in ended.error
    assert ended.peak_memory > 150 * MIB


def test_short_jobs_behind_a_long_one_run_elsewhere_once(site: Site) -> None:
    """A long job at the head of a micro-batch holds up nobody: those behind it are taken back, and run exactly once."""

    def run(row: int) -> int:
        with Path("ran").open("a") as file:
            file.write(f"{row}\n")
        deadline = time.monotonic() + 30
        while row == 700 and len(Path("ran").read_text().split()) < 2000:  # until all others have begun
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return row

    map_id = site.map(run, range(2000))
    assert site.run(num_cpus=2) == {"completed": 2000}
    assert site.values(map_id) == list(range(2000))
    assert Counter(site.lines()) == Counter(map(str, range(2000)))


def test_another_worker_takes_what_a_busy_one_held(site: Site) -> None:
    """Short jobs stuck in a worker whose only place is taken by a long one are given back and run by another."""

    def run(row: int) -> int:
        time.sleep(60 if row == 300 else 0)
        return row

    map_id = site.map(run, range(3000))
    site.worker(num_cpus=1)
    site.until(lambda: site.statuses().get("running", 0) == 1)
    site.worker(num_cpus=1)
    site.until(lambda: site.statuses(map_id) == {"completed": 2999, "running": 1}, 40)


def test_large_parameters_and_results_travel_in_batches(site: Site) -> None:
    """Batches far larger than a pipe, both ways at once, make neither end wait for the other for ever."""
    text = "x" * 20_000
    map_id = site.map(lambda row: {"text": row["text"], "n": row["n"]}, ({"n": n, "text": text} for n in range(1500)))
    assert site.run(num_cpus=2) == {"completed": 1500}
    assert [value["n"] for value in site.values(map_id)] == list(range(1500))


class TestPacking:
    def test_seats_are_distinct_and_come_back(self) -> None:
        """CPUs and GPUs are handed out once each, and are free again when their seat is given back."""
        packing = Packing(Room(4, 400, 2), (3, 5, 7, 9), ("a", "b"))
        first, second = packing.take(Request(2, 1, 100)), packing.take(Request(2, 1, 100))
        assert first is not None
        assert second is not None
        assert {*first.cpus, *second.cpus} == {3, 5, 7, 9}
        assert {*first.gpus, *second.gpus} == {"a", "b"}
        assert packing.take(Request(1, 0, 1)) is None
        packing.give_back(first)
        assert packing.free[:3] == (2, 300, 1)

    def test_unstated_memory_is_the_share_per_cpu(self) -> None:
        """A job that asked for no memory gets the node's memory per CPU, and no more such jobs fit than CPUs."""
        packing = Packing(Room(4, 400), (), ())
        seats = [packing.take(Request(1)) for _ in range(5)]
        assert [seat is None for seat in seats] == [False] * 4 + [True]
        assert packing.free.memory == 0
