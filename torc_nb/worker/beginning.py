"""How the first jobs of a worker end: where all fail that other nodes complete, it is the node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torc_nb.models import Completion, JobStatus, Membership, Room
from torc_nb.store import Database, suspects
from torc_nb.worker.assignments import Assignments

#: How many jobs have to fail before a node is suspected; on a large one, as many as it runs side by side.
ENOUGH = 3


class Beginning:
    """What a worker ended until it first completed a job; after that it is above suspicion.

    Parameters
    ----------
    whole : Room
        The node.
    host : str
        What it is called.
    node : str, optional
        What Slurm calls it; None: this machine, which is never excluded.
    """

    def __init__(
        self,
        database: Database,
        worker: Membership,
        assignments: Assignments,
        whole: Room,
        host: str,
        node: str | None = None,
    ) -> None:
        self.verdict: str | None = None
        self._database = database
        self._worker = worker
        self._assignments = assignments
        self._whole = whole
        self._host = host
        self._node = node
        self._is_over = False
        self._failed: dict[int, Completion] = {}
        self._handed_back: set[int] = set()
        self._look_at = 0

    def note(self, ended: Sequence[Completion]) -> None:
        """Note what is about to be recorded, and look whether the node is to blame.

        Before it is recorded: once all jobs have finished, the workers of other nodes leave.
        """
        if self._is_over:
            return
        if self.verdict is None and any(done.status == JobStatus.COMPLETED for done in ended):
            self._is_over = True
            self._failed.clear()
            return
        recorded = Counter(done.map_id for done in self._failed.values())
        # What has no map is like nothing that other nodes complete.
        self._failed |= {done.job_id: done for done in ended if done.status == JobStatus.FAILED and done.map_id}
        if self.verdict is None and len(self._failed) >= max(self._look_at, ENOUGH):
            self._look_at = 2 * len(self._failed)  # where others fail too, it is not asked after every job
            self._judge(recorded)

    def hand_back(self) -> None:
        """Let other nodes try what failed on a suspected one, as far as it is recorded."""
        if self.verdict is None or len(self._handed_back) == len(self._failed):
            return
        failed = self._failed.keys() - self._handed_back
        suspects.try_elsewhere(self._database, self._worker, failed, self.verdict)
        self._handed_back |= failed  # not before: the database may be away

    def _judge(self, recorded: Counter[int]) -> None:
        of_maps = Counter(done.map_id for done in self._failed.values())
        for map_id, n in of_maps.items():
            example = next(done for done in self._failed.values() if done.map_id == map_id)
            request = self._assignments.request(example.requirement_id)
            side_by_side = self._whole.num_cpus // max(1, request.num_cpus)
            if n < max(ENOUGH, side_by_side):
                self._look_at = max(ENOUGH, len(self._failed) + 1)
            elif suspects.is_suspect(self._database, self._worker, map_id, recorded[map_id]):
                verdict = (
                    f"its first {n} jobs all failed here ({example.error_type}: {_short(example.error)}) while other "
                    f"nodes complete theirs: the node {self._host} may be broken"
                )
                suspects.announce(self._database, self._worker, verdict, self._node)
                self.verdict = verdict


def _short(error: str | None) -> str:
    first = (error or "").strip().split("\n")[0]
    return first if len(first) <= 200 else f"{first[:200]} …"
