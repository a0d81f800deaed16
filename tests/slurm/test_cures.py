"""Slurm's refusals, and the cure that is named."""

from __future__ import annotations

import pytest
from services.slurm_cluster import SlurmCluster

from torc_nb.slurm import sbatch_cure


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--partition=nope", "partition=..."),
        ("--mem=1000g", "less memory"),
        ("--mem=much", "less memory"),
        ("--time=soon", "walltime"),
        ("--gres=gpu:1", "gres="),
        ("--constraint=ib", "feature"),
        ("--array=0-99999999", "MaxArraySize"),
        ("--nodelist=zz", "sinfo -N"),
        ("--reservation=r", "scontrol show reservation"),
        ("--licenses=x:1", "licence"),
        ("--frobnicate=1", "sbatch --help"),
    ],
)
def test_what_this_slurm_refuses_has_a_cure(slurm: SlurmCluster, option: str, expected: str) -> None:
    """The message that a real sbatch prints is understood."""
    with pytest.raises(RuntimeError) as refused:
        slurm.sbatch(option, script="true")
    cure = sbatch_cure(str(refused.value).partition(": ")[2])
    assert cure is not None
    assert expected in cure


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid account or account/partition combination specified", "account=..."),
        (
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "limit of your account",
        ),
        ("Invalid qos specification", "qos=..."),
        ("Requested time limit is invalid (missing or exceeds some limit)", "walltime"),
        ("User's group not permitted to use this partition", "ask your site"),
        ("Requested node configuration is not available", "less of each node"),
        ("Unable to contact slurm controller (connect failure)", "try again"),
    ],
)
def test_refusals_of_sites_with_accounting(message: str, expected: str) -> None:
    """Messages that need accounting, limits or a broken controller, as Slurm's source words them."""
    cure = sbatch_cure(f"sbatch: error: Batch job submission failed: {message}")
    assert cure is not None
    assert expected in cure


def test_an_unknown_message_has_no_cure() -> None:
    """Nothing is made up."""
    assert sbatch_cure("sbatch: error: the moon is full") is None
