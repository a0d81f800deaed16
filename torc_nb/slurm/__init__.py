"""What Slurm says of its jobs and partitions, as records; submitting and cancelling; and what its refusals mean.

Only commands of Slurm are used, and none that needs accounting (sacct). What to submit is for others to say.
"""

from torc_nb.slurm.commands import (
    available,
    cancel,
    configuration,
    exclude,
    node_addresses,
    node_names,
    partitions,
    queue,
    requeue,
    submit,
)
from torc_nb.slurm.cures import sbatch_cure
from torc_nb.slurm.environment import inherited_environment
from torc_nb.slurm.reasons import pending
from torc_nb.slurm.records import Partition, QueuedJob

__all__ = [
    "Partition",
    "QueuedJob",
    "available",
    "cancel",
    "configuration",
    "exclude",
    "inherited_environment",
    "node_addresses",
    "node_names",
    "partitions",
    "pending",
    "queue",
    "requeue",
    "sbatch_cure",
    "submit",
]
