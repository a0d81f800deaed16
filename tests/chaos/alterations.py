"""Modules of torc_nb altered as they are imported: shorter times, and mistakes for the oracle to find.

Nothing of it is in the package: the workers find a `sitecustomize` on their PYTHONPATH, which runs some lines in the
namespace of a module when that was imported. In the process of the harness the same is done at once, and undone.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: By the name of a module, what is executed in it.
Alterations = Mapping[str, str]

#: A lease in the harness, in seconds. What depends on it is as many times shorter.
LEASE = 4.0

#: All as with users, but in a tenth of their time.
TIMES: Alterations = {
    "torc_nb.store.leases": f"LEASE = {LEASE}",
    "torc_nb.store.sqlite_file": "LOCK_TIMEOUT = 3.0",
    "torc_nb.store.server": "SILENCE = 2.0",
    "torc_nb.worker.ledger": "HEARTBEAT, HEARING, INSPECTION, LONGEST_WAIT = 1.0, 0.5, 1.0, 1.0",
    "torc_nb.api.launching": "ASK_AGAIN = 1.0",
}

#: The nodes of a private Slurm are one machine: in the eyes of the workers they are many, each with its own name.
MANY_MACHINES: Alterations = {
    "torc_nb.store.machine": """
_of_this_machine = boot_id

def boot_id():
    return os.environ.get("SLURMD_NODENAME") or _of_this_machine()
"""
}

#: Mistakes that a programmer could make.
BUGS: Mapping[str, Alterations] = {
    "claims are never freed": {
        "torc_nb.store.leases": "def expire(database, workflow_id):\n    return 0",
    },
    "claims of the living are freed": {
        "torc_nb.store.leases": "LEASE = 0.01",
    },
    "a completion counts twice": {
        # Whoever reports last wins: the job is finished once more, and has one more result.
        "torc_nb.store.completions": "def _judge_late(connection, worker_id, done, tally):\n    return False",
    },
    "a change is overlooked": {
        # A result counts as that of what the job is to be given now, whatever it used.
        "torc_nb.store.staleness": "_params_used = _jobs.c.params_digest",
    },
    "a spool is dropped": {
        # A dead worker's file is removed, and what it held is not written to the database.
        "torc_nb.store.leftovers": "def _write(database, worker, path):\n    return None",
    },
}

_HOOK = '''
import importlib.abc
import importlib.machinery
import sys


class Altering(importlib.abc.MetaPathFinder):
    """Finds the modules that are to be altered."""

    def find_spec(self, name, path, target=None):
        if name not in ALTERATIONS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def load_and_alter(module):
            load(module)
            exec(ALTERATIONS[name], vars(module))

        spec.loader.exec_module = load_and_alter
        return spec


sys.meta_path.insert(0, Altering())
'''


def merged(*several: Alterations) -> Alterations:
    """Do all of these, in their order."""
    names = {name for alterations in several for name in alterations}
    return {name: "\n".join(one[name] for one in several if name in one) for name in names}


def write(folder: Path, alterations: Alterations) -> None:
    """Make a folder that alters the modules of each Python that has it on its path."""
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(f"ALTERATIONS = {dict(alterations)!r}\n{_HOOK}")


@contextmanager
def altered(alterations: Alterations) -> Iterator[None]:
    """Alter the modules of this process for a while."""
    with ExitStack() as undo:
        for name, lines in alterations.items():
            module = importlib.import_module(name)
            before = dict(vars(module))
            undo.callback(vars(module).update, before)
            exec(lines, vars(module))
        yield
