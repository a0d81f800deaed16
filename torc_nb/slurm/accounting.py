"""Who may use which account, at sites whose Slurm keeps account."""

from __future__ import annotations

from typing import NamedTuple

from torc_nb.slurm.commands import answer, configuration


class Association(NamedTuple):
    """An account that a user may use: in one partition, or in all (``""``), with these QOS."""

    account: str
    partition: str
    qos: tuple[str, ...]


def keeps_account() -> bool:
    """Whether Slurm keeps account, so that there are accounts.

    Raises
    ------
    SlurmUnavailable
        Slurm is not installed here, or its controller does not answer.
    """
    return configuration().get("AccountingStorageType", "").rpartition("/")[2] not in ("", "none", "(null)")


def associations(user: str) -> list[Association]:
    """The accounts that a user may use on this cluster.

    Raises
    ------
    SlurmUnavailable
        There is no sacctmgr here, or the accounting does not answer.
    LaunchError
        sacctmgr refused.
    """
    cluster = configuration().get("ClusterName", "")
    said = _sacctmgr("assoc", "where", f"user={user}", f"cluster={cluster}", "format=account,partition,qos")
    return [Association(account, partition, tuple(filter(None, qos.split(",")))) for account, partition, qos in said]


def default_account(user: str) -> str:
    """The account that a user's jobs have unless they say otherwise; empty where there is none.

    Raises
    ------
    SlurmUnavailable
        There is no sacctmgr here, or the accounting does not answer.
    LaunchError
        sacctmgr refused.
    """
    said = _sacctmgr("user", "where", f"name={user}", "format=defaultaccount")
    return said[0][0] if said else ""


def _sacctmgr(*words: str) -> list[list[str]]:
    lines = answer("sacctmgr", "--noheader", "--parsable2", "--readonly", "show", *words).splitlines()
    return [line.split("|") for line in lines if line]
