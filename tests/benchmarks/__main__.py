"""Run the benchmarks and write what they say as Markdown: `python -m tests.benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

from tests.benchmarks import cold, latency, million, peers, restarts, slurm_race, throughput
from tests.benchmarks.contenders import CONTENDERS
from tests.benchmarks.report import Section, machine_facts

#: Without a name on the command line: all but those that take long.
DEFAULT = ["throughput", "cold", "peers", "slurm", "latency"]
NAMES = [*DEFAULT, "million", "restarts"]


def main() -> None:
    """Run what the command line names, section by section, each written as soon as it is known."""
    options = _options()
    packages = {contender.package for contender in CONTENDERS.values() if contender.package} | {"dask-jobqueue"}
    sections: dict[str, list[Callable[[], Section]]] = {
        "throughput": [
            lambda jobs=jobs: throughput.measure(jobs, options.pairs, options.folder)  # type: ignore[misc]
            for jobs in options.jobs
        ],
        "cold": [lambda: cold.measure(options.starts, options.folder)],
        "peers": [lambda: peers.measure(options.peer_jobs, options.cap, options.folder)],
        "slurm": [lambda: slurm_race.measure(options.slurm_jobs, options.rounds, options.folder)],
        "latency": [lambda: latency.measure(options.singles, options.folder)],
        "million": [lambda: million.measure(options.million, options.folder)],
        "restarts": [lambda: restarts.measure(options.restarts, options.folder)],
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
    add("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all but million and restarts")
    add("--output", type=Path, help="file for the Markdown; default: standard output")
    add("--folder", type=Path, default=Path(gettempdir()), help="where databases are written; default: %(default)s")
    add("--jobs", type=int, nargs="+", default=[10_000, 100_000], help="throughput: counts; default: %(default)s")
    add("--pairs", type=int, default=5, help="throughput: paired runs; default: %(default)s")
    add("--starts", type=int, default=5, help="cold: starts of a worker; default: %(default)s")
    add("--peer-jobs", type=int, default=5_000, help="peers: jobs; default: %(default)s")
    add("--cap", type=float, default=60.0, help="peers: seconds for a slow system; default: %(default)s")
    add("--slurm-jobs", type=int, default=3_000, help="slurm: jobs; default: %(default)s")
    add("--rounds", type=int, default=3, help="slurm: rounds; default: %(default)s")
    add("--singles", type=int, default=100, help="latency: jobs; default: %(default)s")
    add("--million", type=int, default=1_000_000, help="million: parameters; default: %(default)s")
    add("--restarts", type=int, default=1_000_000, help="restarts: completed jobs; default: %(default)s")
    options = parser.parse_args()
    options.names = options.names or DEFAULT
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return options


if __name__ == "__main__":
    main()
