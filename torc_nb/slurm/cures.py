"""What helps against the refusals of Slurm."""

from __future__ import annotations

import re

# In the order of looking: sbatch often prints two messages, and the particular one helps more.
_CURES = (
    (
        r"violates accounting/qos|qos\w*limit",
        "A limit of your account or QOS is reached: ask for less, or wait for your other jobs to end.",
    ),
    (
        r"\baccount\b",
        "Name an account that you may use: account=...; `sacctmgr show associations user=$USER` lists yours.",
    ),
    (
        r"group not permitted|access/permission denied",
        "You may not use this partition: ask your site, or choose another, partition=...; `sinfo -s` lists them.",
    ),
    (
        r"partition not available|partition configuration not available",
        "The partition is closed at the moment: `sinfo -s` shows which are up.",
    ),
    (r"invalid partition", "Choose one of the partitions that `sinfo -s` lists: partition=..."),
    (
        r"time limit|--time\b",
        'Ask for less time, walltime="HH:MM:SS"; `sinfo -o "%P %l"` shows each partition\'s limit.',
    ),
    (r"qos", "Choose a QOS that you may use: qos=...; `sacctmgr show associations user=$USER format=account,qos`."),
    (
        r"memory specification|--mem\b",
        'Ask for less memory, mem="..."; `sinfo -o "%P %m"` shows each partition\'s nodes in MiB.',
    ),
    (r"gres|generic resource", 'Ask for a resource that nodes have, gres="gpu:1"; `sinfo -o "%P %G"` lists them.'),
    (r"feature specification", 'Ask for a feature that nodes have; `sinfo -o "%P %f"` lists them.'),
    (r"license", "Ask for a licence that the site has: `scontrol show licenses` lists them."),
    (r"reservation", "`scontrol show reservation` lists the reservations and who may use them."),
    (r"node name", "`sinfo -N` lists the nodes."),
    (
        r"job array specification",
        "Too many allocations at once: `scontrol show config | grep MaxArraySize` shows how many a site permits.",
    ),
    (
        r"node configuration|more processors|cpu count|node count|task count",
        'No node has what was asked for: ask for less of each node; `sinfo -o "%P %D %c %m %G"` shows what there is.',
    ),
    (r"unrecognized option|invalid option", "`sbatch --help` lists the options that this Slurm knows."),
    (r"wckey", "This site wants a wckey, or another: give it as a further option of sbatch, wckey=..."),
    (
        r"unable to contact|socket timed out|zero bytes|configuration source|error connecting",
        "Slurm's controller does not answer: try again in a minute; `scontrol ping` shows its state.",
    ),
    (
        r"unable to process configuration",
        "Slurm's configuration cannot be read: SLURM_CONF may name a file that is gone.",
    ),
    (
        r"authentication|munge|protocol",
        "This machine is not a proper client of the cluster at the moment: tell your site.",
    ),
)


def sbatch_cure(message: str) -> str | None:
    """What most likely helps against a message of sbatch or another command of Slurm; None where that is unknown."""
    return next((cure for pattern, cure in _CURES if re.search(pattern, message, re.IGNORECASE)), None)
