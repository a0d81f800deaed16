"""What a job submitted from within a Slurm job must not inherit."""

from __future__ import annotations

from collections.abc import Mapping

# What a job's environment adds and a job submitted from within it must not see: sbatch takes SLURM_* for options, and
# an MPI library that finds another job's launcher waits for it.
_OF_A_JOB = (
    "SLURM_",
    "SLURMD_",
    "SBATCH_CPU_BIND",
    "SBATCH_MEM_BIND",
    "OMPI_",
    "PMI_",
    "PMI2_",
    "PMIX_",
    "PRTE_",
    "HYDRA_",
)
_DEVICES = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
# Which Slurm to speak to, and as whom.
_OF_THE_SITE = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"})


def inherited_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for sbatch where Jupyter itself may run inside a Slurm job; the given one is left alone.

    What describes that job goes: ``SLURM_*``, the variables of MPI launchers, its GPUs. What names the cluster stays,
    and so do ``SBATCH_ACCOUNT``, ``SBATCH_PARTITION`` and the like: no job sets those, they are the user's defaults.
    """
    inside_job = "SLURM_JOB_ID" in environ
    return {
        name: value
        for name, value in environ.items()
        if name in _OF_THE_SITE or not (name.startswith(_OF_A_JOB) or (inside_job and name in _DEVICES))
    }
