"""A real Slurm whose nodes are hosts of their own."""

from __future__ import annotations

from collections.abc import Sequence

from services.hosts import USER, Hosts
from services.slurm_cluster import SlurmCluster

#: What a job of the partition ``urgent`` needs is taken from those of ``main``, which are queued again.
PREEMPTION = (
    "PreemptType=preempt/partition_prio",
    "PreemptMode=REQUEUE",
    "PartitionName=urgent Nodes=ALL MaxTime=INFINITE DefaultTime=60 PriorityTier=10 OverSubscribe=NO State=UP",
)


class SlurmOnHosts(SlurmCluster):
    """A private Slurm cluster with a node on each of some hosts, and the controller on the first of these.

    Parameters
    ----------
    hosts : Hosts
        All machines.
    nodes : sequence of str
        The names of those that are nodes.
    cpus : int, default 2
        CPUs of each node, as Slurm is told.
    """

    def __init__(self, hosts: Hosts, nodes: Sequence[str], cpus: int = 2) -> None:
        super().__init__(len(nodes), cpus=cpus, extra=PREEMPTION, user=USER)
        self.nodes = list(nodes)
        self._hosts = hosts

    def _places(self) -> list[str]:
        hosts = [self._hosts[node] for node in self.nodes]
        return [
            f"SlurmctldHost={hosts[0].name}({hosts[0].address})",
            *(f"NodeName={host.name} NodeAddr={host.address} {self._shape} State=UNKNOWN" for host in hosts),
        ]

    def _within(self, name: str) -> list[str]:
        return self._hosts[self.nodes[0] if name == "slurmctld" else name].within(self.folder)
