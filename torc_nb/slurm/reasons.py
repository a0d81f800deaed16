"""Why a job waits in Slurm's queue: its reasons in words, and what helps."""

from __future__ import annotations

import re

# Reason, what it means, what helps; in the order of looking.
_REASONS = (
    (r"Priority", "other jobs of the cluster come first", "Ask for less time or fewer nodes, which start sooner."),
    (r"Resources", "no node is free at the moment", "Ask for less time or fewer nodes, which start sooner."),
    (r"Dependency", "it waits for another allocation to end", None),
    (r"DependencyNeverSatisfied", "the allocation that it waits for has failed", "Cancel it and schedule anew."),
    (r"BeginTime", "it is not to begin yet, as after a requeue", None),
    (r"JobHeldUser", "you hold it", "`scontrol release ID` lets it go."),
    (r"JobHeldAdmin", "your site holds it", "Ask your site."),
    (r"PartitionTimeLimit", "it asks for more time than the partition gives", "Ask for less: walltime=..."),
    (r"PartitionNodeLimit|PartitionConfig", "the partition does not give such nodes", "Choose another: partition=..."),
    (r"PartitionDown|PartitionInactive", "the partition is closed", "`sinfo -s` shows which are up: partition=..."),
    (r"Reserv.*|ReqNodeNotAvail.*", "the nodes are down, or kept for a reservation or maintenance",
     "Ask for less time, so that it ends before that; `scontrol show reservation` tells when it is."),
    (r"NodeDown|BadConstraints", "no node that is up has what it asks for", "`sinfo` shows what there is."),
    (r"Licenses", "no licence is free", "`scontrol show licenses` lists them."),
    (r"(InvalidAccount|AssociationJobLimit)", "its account may not run it", "Name another: account=..."),
    (r"InvalidQOS", "its QOS may not run it", "Name another: qos=..."),
    (r"Assoc.*|QOS.*|.*Limit.*", "a limit of your account or QOS is reached",
     "It starts when your other jobs end; ask for less to start sooner."),
    (r"JobArrayTaskLimit", "so many tasks of its array run already", None),
    (r"Cleaning|Prolog|launch failed requeued held", "a node is being prepared or failed to start it", None),
    (r"None|", "Slurm has not looked at it yet", None),
)  # fmt: skip


def pending(reason: str) -> tuple[str, str | None]:
    """Say what Slurm's reason for a job that waits means, and what helps, where anything does.

    A reason that is not known stands as Slurm words it.
    """
    word = reason.partition(",")[0].strip("() ")
    for pattern, meaning, cure in _REASONS:
        if re.fullmatch(pattern, word):
            return (f"{meaning} ({word})" if word else meaning), cure
    return word, None
