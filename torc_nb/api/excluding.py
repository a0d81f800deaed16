"""The nodes that a workflow's allocations leave alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from torc_nb import slurm
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import ExcludedNodeModel
from torc_nb.store import Database, exclusions, workflows

#: What Slurm says, or gives as its reason to wait, where no node is left or it does not know one.
_NO_NODE = r"node configuration|node name|node count|nodes? .*not available|ReqNodeNotAvail|BadConstraints|NodeDown"

#: So many nodes are named.
_NAMED = 8


class Excluding:
    """The nodes that workflows leave alone."""

    database: Database

    def list_excluded_nodes(self, workflow_id: int) -> list[ExcludedNodeModel]:
        """Return the nodes that no later allocation of a workflow is given, those longest excluded first."""
        workflows.get(self.database, workflow_id)
        return exclusions.listed(self.database, workflow_id)

    def exclude_node(self, workflow_id: int, node: str, reason: str = "") -> bool:
        """Let no later allocation of a workflow be given a node of Slurm's; False where it is excluded already.

        Raises
        ------
        InvalidRequest
            It is no name of one node, or Slurm has none of that name.
        """
        self.database.check_writable()
        workflows.get(self.database, workflow_id)
        _check(node)
        return exclusions.add(self.database, workflow_id, node, reason)

    def allow_node(self, workflow_id: int, node: str) -> None:
        """Let a workflow's allocations be given an excluded node again.

        Raises
        ------
        NotFound
            It is not excluded; the message lists those that are.
        """
        self.database.check_writable()
        exclusions.remove(self.database, workflow_id, node)


def _check(node: str) -> None:
    """Refuse what sbatch would refuse with every later allocation."""
    if not re.fullmatch(r"[\w.-]+", node):
        raise InvalidRequest(f"{node!r} is not the name of one node, as in n12; `sinfo -N` lists them.")
    known: list[str] = []
    with suppress(LaunchError):
        known = slurm.node_names()
    if known and node not in known:
        raise InvalidRequest(f"Slurm has no node {node!r} here; `sinfo -N` lists them.")


def blame(said: str, excluded: Sequence[str]) -> str:
    """Say which nodes are excluded, and the cure, where that may be why Slurm has no node; else nothing."""
    if not excluded or re.search(_NO_NODE, said, re.IGNORECASE) is None:
        return ""
    named = ", ".join(excluded[:_NAMED]) + (", …" if len(excluded) > _NAMED else "")
    return (
        f"\nOf this workflow {named} {'is' if len(excluded) == 1 else 'are'} excluded, which may leave no node: "
        "`%torc hpc slurm excluded-nodes list` says why, `%torc hpc slurm excluded-nodes remove NODE` lets one be used "
        "again."
    )
