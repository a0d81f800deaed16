"""Which environment variables travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from torc_nb.api import surroundings

SECRET = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "API_KEY",
    "DB_PASS",
    "GITHUB_PAT",
    "GITHUB_TOKEN",
    "JUPYTERHUB_API_TOKEN",
    "OPENAI_API_KEY",
    "PGPASSWORD",
    "SLURM_JWT",
    "TORC_NB_DATABASE_URL",
    "api_key",
]
OF_THE_KERNEL = ["COLUMNS", "DISPLAY", "JPY_PARENT_PID", "MPLBACKEND", "OLDPWD", "SSH_AUTH_SOCK", "TERM", "_"]
OF_A_JOB = ["PMIX_RANK", "SLURM_JOB_ID"]
WANTED = ["AUTHOR", "GIT_AUTHOR_NAME", "HOME", "KEYBOARD", "LANG", "PATH", "PYTHONPATH", "TOKENIZERS_PARALLELISM"]


def test_choice() -> None:
    """What looks secret stays behind, and so does what belongs to the kernel or to a Slurm job around it."""
    names = [*SECRET, *OF_THE_KERNEL, *OF_A_JOB, *WANTED]
    assert sorted(surroundings.chosen(dict.fromkeys(names, "1"))) == sorted(WANTED)


def test_passwords_in_addresses_stay_behind() -> None:
    """Whatever the variable is called."""
    given = {"BROKER": "redis://me:hunter2@host:1/0", "PROXY": "http://host:3128/", "WHERE": "ssh://me@host/"}
    assert sorted(surroundings.chosen(given)) == ["PROXY", "WHERE"]


def test_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run where the notebook is."""
    monkeypatch.chdir(tmp_path)
    assert surroundings.current().cwd == str(tmp_path)
