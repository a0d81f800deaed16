"""Run the benchmarks and write what they say as Markdown: `python -m tests.benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

from tests.benchmarks import (
    barrier,
    clean,
    cold,
    commands,
    completing,
    crowd,
    dependents,
    drain,
    exchange,
    executor,
    export,
    fan_in,
    frames,
    idle,
    latency,
    live,
    million,
    packing,
    panel,
    peers,
    restarts,
    slurm_race,
    throughput,
)
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.report import Section, machine_facts

#: Without a name on the command line: all but those that take long.
DEFAULT = [
    "throughput", "cold", "peers", "commands", "slurm", "latency", "dependents", "completing", "barrier",
    "idle", "drain", "exchange", "executor",
]  # fmt: skip
LONG = ["million", "restarts", "clean", "fan-in", "frames", "export", "live", "panel", "crowd", "packing"]
NAMES = [*DEFAULT, *LONG]


def main() -> None:
    """Run what the command line names, section by section, each written as soon as it is known."""
    options = _options()
    packages = {contender.package for contender in CONTENDERS.values() if contender.package}
    packages |= {"dask-jobqueue", "hyperqueue"}
    sections: dict[str, list[Callable[[], Section]]] = {
        "throughput": [
            lambda jobs=jobs: throughput.measure(jobs, options.pairs, options.folder)  # type: ignore[misc]
            for jobs in options.jobs
        ],
        "cold": [lambda: cold.measure(options.starts, options.folder)],
        "peers": [lambda: peers.measure(options.peer_jobs, options.cap, options.folder)],
        "slurm": [lambda: slurm_race.measure(options.slurm_jobs, options.rounds, options.folder)],
        "commands": [lambda: commands.measure(options.commands, options.command_pairs, options.folder)],
        "latency": [lambda: latency.measure(options.singles, options.folder)],
        "dependents": [lambda: dependents.measure(options.dependents, options.folder)],
        "completing": [lambda: completing.measure(options.completions, options.folder)],
        "barrier": [lambda: barrier.measure(options.barrier, options.folder)],
        "idle": [lambda: idle.measure(options.idle, options.idle_seconds, options.folder)],
        "drain": [lambda: drain.measure(options.drain, options.drain_rounds, options.folder)],
        "exchange": [lambda: exchange.measure(options.folder)],
        "executor": [
            lambda: executor.measure(options.single_calls, options.calls, options.call_rounds, options.folder)
        ],
        "million": [lambda: million.measure(options.million, options.folder)],
        "restarts": [lambda: restarts.measure(options.restarts, options.folder)],
        "clean": [lambda: clean.measure(options.restarts, options.folder)],
        "crowd": [lambda: crowd.measure(options.crowd, options.crowd_jobs, options.folder)],
        "fan-in": [lambda: fan_in.measure(options.fan_in, options.fan_in_rounds, options.folder)],
        "live": [lambda: live.measure(options.live, options.folder)],
        "panel": [lambda: panel.measure(options.panel, options.panel_seconds, options.folder)],
        "packing": [lambda: packing.measure(options.seeds, options.folder)],
        "frames": [lambda: frames.measure(options.frames, options.frames_rounds, options.folder)],
        "export": [lambda: export.measure(options.export, options.folder)],
    }
    with options.output.open("w") if options.output else sys.stdout as output:
        command = f"python -m tests.benchmarks {' '.join(sys.argv[1:])}".rstrip()
        print(f"# Benchmarks\n\n`{command}`\n", file=output)
        print(machine_facts(options.folder, sorted(packages)).markdown(), file=output, flush=True)
        for name in options.names:
            for section in sections[name]:
                print(section().markdown(), file=output, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all but {', '.join(LONG)}")
    add("--output", type=Path, help="file for the Markdown; default: standard output")
    add("--folder", type=Path, default=Path(gettempdir()), help="where databases are written; default: %(default)s")
    add("--jobs", type=int, nargs="+", default=[10_000, 100_000], help="throughput: counts; default: %(default)s")
    add("--pairs", type=int, default=5, help="throughput: paired runs; default: %(default)s")
    add("--starts", type=int, default=5, help="cold: starts of a worker; default: %(default)s")
    add("--peer-jobs", type=int, default=5_000, help="peers: jobs; default: %(default)s")
    add("--cap", type=float, default=60.0, help="peers: seconds for a slow system; default: %(default)s")
    add("--commands", type=int, default=2_000, help="commands: how many; default: %(default)s")
    add("--command-pairs", type=int, default=5, help="commands: paired runs; default: %(default)s")
    add("--slurm-jobs", type=int, default=3_000, help="slurm: jobs; default: %(default)s")
    add("--rounds", type=int, default=3, help="slurm: rounds; default: %(default)s")
    add("--singles", type=int, default=100, help="latency: jobs; default: %(default)s")
    add("--dependents", type=int, default=40, help="dependents: pairs of each kind; default: %(default)s")
    add("--completions", type=int, default=100_000, help="completing: jobs of each side; default: %(default)s")
    add("--barrier", type=int, default=1_000, help="barrier: jobs on either side; default: %(default)s")
    add("--idle", type=int, default=64, help="idle: workers; default: %(default)s")
    add("--idle-seconds", type=float, default=30.0, help="idle: for how long; default: %(default)s")
    add("--drain", type=int, default=100_000, help="drain: jobs; default: %(default)s")
    add("--drain-rounds", type=int, default=3, help="drain: rounds; default: %(default)s")
    add("--single-calls", type=int, default=200, help="executor: single calls; default: %(default)s")
    add("--calls", type=int, default=10_000, help="executor: calls of each map; default: %(default)s")
    add("--call-rounds", type=int, default=3, help="executor: maps of each; default: %(default)s")
    add("--million", type=int, default=1_000_000, help="million: parameters; default: %(default)s")
    add("--restarts", type=int, default=1_000_000, help="restarts, clean: completed jobs; default: %(default)s")
    add("--crowd", type=int, default=64, help="crowd: workers; default: %(default)s")
    add("--crowd-jobs", type=int, default=100_000, help="crowd: jobs; default: %(default)s")
    add("--fan-in", type=int, default=1_000_000, help="fan-in: jobs; default: %(default)s")
    add("--fan-in-rounds", type=int, default=3, help="fan-in: rounds; default: %(default)s")
    add("--frames", type=int, default=1_000_000, help="frames: completed jobs; default: %(default)s")
    add("--export", type=int, default=1_000_000, help="export: completed jobs; default: %(default)s")
    add("--live", type=int, default=1_000_000, help="live: jobs of the workflow; default: %(default)s")
    add("--panel", type=int, default=1_000_000, help="panel: jobs of the workflow; default: %(default)s")
    add("--panel-seconds", type=float, default=60.0, help="panel: left open for so long; default: %(default)s")
    add("--seeds", type=int, default=3, help="packing: mixes of each kind; default: %(default)s")
    add("--frames-rounds", type=int, default=5, help="frames: rounds; default: %(default)s")
    options = parser.parse_args()
    options.names = options.names or DEFAULT
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return options


if __name__ == "__main__":
    main()
