"""What a workflow came to: its jobs, the code that ran, the node-hours that it took, and with which packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from torc_nb.api import inspection
from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.models.quantities import counted
from torc_nb.store import Database, leases, occupancy, versions, workflows
from torc_nb.store.occupancy import FAILED, REPLACED, STANDS, Occupied, Presence
from torc_nb.store.versions import CodeVersion

_HOUR = 3600.0


@dataclass(frozen=True)
class NodeHours:
    """For how long nodes were held, and what for; in hours of one node.

    A node is held by a worker from when it began until it was last seen; on a laptop too. An attempt takes that share
    of its node which its job asks for: of the CPUs, the GPUs or the memory, whichever is the largest.

    Attributes
    ----------
    used : float
        All that workers held.
    useful : float
        What attempts took whose results stand.
    failed : float
        Wasted: what attempts took that failed or were terminated.
    replaced : float
        Wasted: what attempts took that completed, and whose results do not stand any more, since the job ran again, is
        to run again, or was completed by two workers.
    idle : float
        Wasted: what no attempt took. Workers that waited, CPUs that had no job, the start of processes; and attempts of
        which nothing is known any more, since their worker died or their job was removed.
    """

    used: float
    useful: float
    failed: float
    replaced: float
    idle: float

    @property
    def wasted(self) -> float:
        """The sum of ``failed``, ``replaced`` and ``idle``."""
        return self.failed + self.replaced + self.idle


@dataclass(frozen=True)
class Summary:
    """What a workflow came to.

    Attributes
    ----------
    workflow : WorkflowModel
        Which.
    statuses : dict
        How many of its jobs have which status.
    maps : list of MapStatus
        The same for each map; name ``""`` for the jobs of none.
    code : list of CodeVersion
        The versions of its functions, oldest first, with how many standing results each made.
    node_hours : NodeHours
        For how long nodes were held, and how much of it was wasted.
    packages : mapping
        The packages that jobs imported, with the versions that workers had: mostly one.
    python : list of str
        The versions of Python that workers had.
    """

    workflow: WorkflowModel
    statuses: Mapping[JobStatus, int]
    maps: Sequence[inspection.MapStatus]
    code: Sequence[CodeVersion]
    node_hours: NodeHours
    packages: Mapping[str, Sequence[str]]
    python: Sequence[str]

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON has it; times are ISO 8601."""
        hours = self.node_hours
        return {
            "workflow": {
                "name": self.workflow.name,
                "user": self.workflow.user,
                "description": self.workflow.description,
                "created": _moment(self.workflow.created or 0.0),
            },
            "jobs": _by_label(self.statuses),
            "maps": [{"name": one.name, "jobs": _by_label(one.statuses)} for one in self.maps],
            "code": [
                {
                    "function": one.name,
                    "version": one.label,
                    "created": _moment(one.created),
                    "python": one.python,
                    "results": one.results,
                }
                for one in self.code
            ],
            "node_hours": asdict(hours) | {"wasted": hours.wasted},
            "python": list(self.python),
            "packages": {name: list(versions) for name, versions in self.packages.items()},
        }

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__


def summary(database: Database, workflow_id: int) -> Summary:
    """Return what a workflow came to by now.

    Raises
    ------
    NotFound
        There is no such workflow.
    """
    workflow = workflows.get(database, workflow_id)
    workers = leases.listed(database, workflow_id)
    packages: dict[str, set[str]] = {}
    for worker in workers:
        for package, version in worker.packages.items():
            packages.setdefault(package, set()).add(version)
    presences = occupancy.presences(database, workflow_id)
    return Summary(
        workflow=workflow,
        statuses=workflows.statuses(database, workflow_id),
        maps=inspection.status_of_maps(database, workflow_id),
        code=versions.made(database, workflow_id),
        node_hours=node_hours(presences, occupancy.occupied(database, workflow_id)),
        packages={package: sorted(found) for package, found in sorted(packages.items())},
        python=sorted({worker.python for worker in workers}),
    )


def node_hours(presences: Mapping[int, Presence], occupied: Sequence[Occupied]) -> NodeHours:
    """Divide the time that nodes were held by what it was for."""
    of_fate = dict.fromkeys((STANDS, REPLACED, FAILED), 0.0)
    of_worker = dict.fromkeys(presences, 0.0)
    for one in occupied:
        if one.worker_id in presences:
            hours = one.seconds * _share(one, presences[one.worker_id]) / _HOUR
            of_fate[one.fate] += hours
            of_worker[one.worker_id] += hours
    # A worker that reported an end after it was last seen was there until then.
    held = {id_: max(presences[id_].seconds / _HOUR, hours) for id_, hours in of_worker.items()}
    used, taken = sum(held.values()), sum(of_worker.values())
    return NodeHours(used, of_fate[STANDS], of_fate[FAILED], of_fate[REPLACED], max(0.0, used - taken))


def _share(one: Occupied, worker: Presence) -> float:
    """How much of a worker's node a job takes; one larger than the node takes all of it."""
    shares = [one.num_cpus / max(worker.num_cpus, 1)]
    if worker.num_gpus:
        shares.append(one.num_gpus / worker.num_gpus)
    if one.memory is not None and worker.memory:
        shares.append(one.memory / worker.memory)
    return min(1.0, max(shares))


def _by_label(statuses: Mapping[JobStatus, int]) -> dict[str, int]:
    return {status.label: n for status, n in sorted(statuses.items()) if n}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _lines(found: Summary) -> list[str]:
    hours = found.node_hours
    by_status = ", ".join(f"{n:,} {label}" for label, n in _by_label(found.statuses).items())
    code = [f"{one.name} {one.label} ({counted(one.results, 'result')})" for one in found.code]
    packages = {"Python": found.python} | dict(found.packages) if found.python else found.packages
    versions = [f"{name} {' and '.join(known)}" for name, known in packages.items()]
    wasted = {"by failed attempts": hours.failed, "by results replaced": hours.replaced, "idle": hours.idle}
    by_cause = ", ".join(f"{n:.4g} {cause}" for cause, n in wasted.items())
    return [
        f"{found.workflow.name}: {counted(sum(found.statuses.values()), 'job')}" + (by_status and f" ({by_status})"),
        f"code: {', '.join(code) or 'none'}",
        f"node-hours: {hours.used:.4g} used, of these {hours.wasted:.4g} wasted ({by_cause})",
        f"packages: {', '.join(versions) or 'none'}",
    ]
