"""What Slurm says of its jobs and partitions, as records; submitting and cancelling; and what its refusals mean.

Only commands of Slurm are used, and none needs accounting, but to ask who may use which account where it is kept. What
to submit is for others to say.
"""

from torc_nb.slurm.accounting import Association, associations, default_account, keeps_account
from torc_nb.slurm.commands import (
    array_limit,
    available,
    cancel,
    configuration,
    exclude,
    kept_out,
    node_addresses,
    node_names,
    partitions,
    queue,
    requeue,
    submit,
    would_start,
)
from torc_nb.slurm.cures import sbatch_cure
from torc_nb.slurm.environment import inherited_environment
from torc_nb.slurm.reasons import pending
from torc_nb.slurm.records import Partition, QueuedJob

__all__ = [
    "Association",
    "Partition",
    "QueuedJob",
    "array_limit",
    "associations",
    "available",
    "cancel",
    "configuration",
    "default_account",
    "exclude",
    "inherited_environment",
    "keeps_account",
    "kept_out",
    "node_addresses",
    "node_names",
    "partitions",
    "pending",
    "queue",
    "requeue",
    "sbatch_cure",
    "submit",
    "would_start",
]
