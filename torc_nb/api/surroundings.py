"""The folder and the environment variables that a notebook's jobs run in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from torc_nb.slurm import inherited_environment
from torc_nb.store.environments import Environment

#: Names that look as if they held a secret: left out, since the database is read by more people than the shell.
SECRET = re.compile(
    r"TOKENS?($|_)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|COOKIE|DATABASE_URL|SLURM_JWT"
    r"|(^|_)(API_?)?KEYS?($|_)|(^|_)(AUTH|PASS|PAT)($|_)|(^|_)PWD$",
    re.IGNORECASE,
)
#: An address with a password in it.
_WITH_PASSWORD = re.compile(r"\w://[^/@\s]*:[^/@\s]+@")
#: What belongs to the kernel, its terminal or its front end, not to the work.
_OF_THE_KERNEL = re.compile(
    r"^(JPY_|JUPYTER|JUPYTERHUB_|IPYTHON|KERNEL_|PYDEVD_|COLUMNS$|LINES$|TERM$|PAGER$|GIT_PAGER$|_$|OLDPWD$|SHLVL$"
    r"|MPLBACKEND$|CLICOLOR|FORCE_COLOR$|SSH_|DISPLAY$|XAUTHORITY$|DBUS_|XDG_SESSION|XDG_RUNTIME_DIR$|INVOCATION_ID$)"
)


def current() -> Environment:
    """Return this process's folder and variables, without secrets and without what is the kernel's own."""
    return Environment(str(Path.cwd()), chosen(os.environ))


def chosen(variables: Mapping[str, str]) -> dict[str, str]:
    """Choose the variables that travel."""
    return {
        name: value
        for name, value in inherited_environment(variables).items()
        if not (SECRET.search(name) or _WITH_PASSWORD.search(value) or _OF_THE_KERNEL.search(name))
    }
