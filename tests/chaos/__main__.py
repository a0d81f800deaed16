"""Run chaos for as long as it is told to: `python -m tests.chaos --seed N --jobs N --faults N --database sqlite`."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from tempfile import mkdtemp

from chaos import oracle, schedule
from chaos.alterations import BUGS
from chaos.harness import Harness
from chaos.sites import SITES


def main() -> int:
    """Do what the command line says; 1 where the oracle complains."""
    options = _options()
    is_well = True
    for database in options.database or SITES:
        is_well &= _run(database, options)
    return 0 if is_well else 1


def _run(database: str, options: argparse.Namespace) -> bool:
    print(f"seed {options.seed}, {database}", flush=True)
    folder = Path(mkdtemp(prefix="torc-nb-chaos-"))
    with SITES[database](folder, options.bug) as site:
        faults = schedule.drawn(options.seed, list(site.kinds), options.faults, options.pause)
        limit = 2 * (options.faults * options.pause + options.jobs / 20) + 120
        course = Harness(site, options.seed, options.jobs, faults, limit).run()
        verdict = oracle.judge(site, course)
        print(oracle.report(course, verdict), flush=True)
        if verdict.complaints and options.keep:
            input(f"{folder} is kept until Enter is pressed")
    return not verdict.complaints


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=random.randrange(10**6), help="default: another one each time")
    add("--jobs", type=int, default=2_000, help="at least so many on each database; default: %(default)s")
    add("--faults", type=int, default=100, help="so many on each database; default: %(default)s")
    add("--pause", type=float, default=1.2, help="seconds between two faults on average; default: %(default)s")
    add("--database", choices=sorted(SITES), action="append", help="default: one after the other")
    add("--bug", choices=sorted(BUGS), help="a mistake for the oracle to find")
    add("--keep", action="store_true", help="wait before all is removed, where the oracle complains")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
