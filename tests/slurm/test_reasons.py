"""Slurm's reasons in words."""

from __future__ import annotations

import pytest

from torc_nb.slurm import pending


@pytest.mark.parametrize(
    ("reason", "meaning", "cure"),
    [
        ("Priority", "other jobs of the cluster come first (Priority)", "less time"),
        ("Resources", "no node is free", "less time"),
        ("ReqNodeNotAvail, UnavailableNodes:n1", "(ReqNodeNotAvail)", "scontrol show reservation"),
        ("QOSMaxJobsPerUserLimit", "a limit of your account or QOS", "other jobs end"),
        ("AssocGrpCpuLimit", "a limit of your account or QOS", "other jobs end"),
        ("PartitionTimeLimit", "more time than the partition", "walltime"),
        ("InvalidAccount", "its account", "account="),
        ("JobHeldUser", "you hold it", "scontrol release"),
    ],
)
def test_a_known_reason_has_words_and_a_cure(reason: str, meaning: str, cure: str) -> None:
    """What most users meet in a queue, some with the names of nodes behind."""
    said, helps = pending(reason)
    assert meaning in said
    assert helps is not None
    assert cure in helps


def test_an_unknown_reason_stands_as_it_is() -> None:
    """Newer versions of Slurm have more of them; before it was looked at there is none."""
    assert pending("FooBar") == ("FooBar", None)
    assert pending("") == ("Slurm has not looked at it yet", None)
    assert pending("None")[0] == "Slurm has not looked at it yet (None)"
