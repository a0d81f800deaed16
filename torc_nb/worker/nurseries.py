"""The nurseries of a worker: one for each set of imports and number of threads, and the roles of their children."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from torc_nb.worker.assignments import Assignment
from torc_nb.worker.child import Role
from torc_nb.worker.current_job import Terms
from torc_nb.worker.nursery import THREAD_VARIABLES, Nursery
from torc_nb.worker.packing import Packing, Seat

#: Variables that belong to this node and this allocation, not to where the notebook ran.
_OF_THE_NODE = ("SLURM", "TMPDIR")


class Nurseries:
    """Branches of the root nursery, made when jobs first need them.

    Parameters
    ----------
    files, node : Path
        The workflow's folder, and the worker's own on this node.
    """

    def __init__(self, root: Nursery, packing: Packing, workflow_id: int, files: Path, node: Path) -> None:
        self._root = root
        self._packing = packing
        self._workflow_id = workflow_id
        self._files = files
        self._node = node
        self._branches: dict[tuple[object, ...], Nursery] = {}

    def __iter__(self) -> Iterator[Nursery]:
        return iter(list(self._branches.values()))

    def descriptors(self) -> list[int]:
        """What becomes readable when a child or a nursery ends."""
        return [nursery.fileno() for nursery in (self._root, *self) if not nursery.is_gone]

    @property
    def is_gone(self) -> bool:
        """Whether no child can be had any more."""
        return self._root.has_ended()

    def of(self, assignment: Assignment) -> Nursery:
        """The nursery that has imported what a function needs, or is about to; see its ``is_ready``."""
        imports = assignment.function.imports
        if assignment.request.num_cpus != 1:
            imports = ()  # a library that starts threads at its import must not be forked after it
        kind = (assignment.request.num_cpus, imports)
        nursery = self._branches.get(kind)
        if nursery is None or nursery.is_gone:
            preload = imports if nursery is None else ()  # it died of what it imported: the jobs will tell
            limits = dict.fromkeys(THREAD_VARIABLES, str(assignment.request.num_cpus))
            nursery = self._branches[kind] = self._root.branch(limits, preload)
        return nursery

    def role(self, assignment: Assignment, seat: Seat) -> Role:
        """What a child in this seat is for."""
        variables = {
            **assignment.environment.variables,
            **dict.fromkeys(THREAD_VARIABLES, str(seat.num_cpus)),
            **{name: value for name, value in os.environ.items() if name.startswith(_OF_THE_NODE)},
        }
        if seat.gpus or self._packing.whole.num_gpus:
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(seat.gpus)
        return Role(
            function=assignment.function,
            call=assignment.call,
            cwd=assignment.environment.cwd,
            variables=variables,
            cpus=seat.cpus,
            spill_folder=str(self._files / "values"),
            terms=self._terms(assignment, seat),
        )

    def _terms(self, assignment: Assignment, seat: Seat) -> Terms:
        left = self._packing.time_left
        return Terms(
            workflow_id=self._workflow_id,
            num_cpus=seat.num_cpus,
            memory=seat.memory,
            timeout=assignment.request.timeout,
            ends=None if left is None else time.time() + left,
            node=str(self._node),
            files=str(self._files),
        )
