"""Named schedulers that the user keeps for all of her workflows."""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from torc_nb.errors import InvalidRequest
from torc_nb.models import SlurmSchedulerModel

#: What a workflow's own scheduler has besides, and a profile cannot say.
_NOT_ASKED = frozenset({"id", "workflow_id", "name"})
_KEYS = tuple(key for key in SlurmSchedulerModel.model_fields if key not in _NOT_ASKED)


def profiles_path() -> Path:
    """Where the profiles stand: ``~/.config/torc_nb/config.toml``, or under ``XDG_CONFIG_HOME``."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "torc_nb" / "config.toml"


def profiles(path: Path | None = None) -> dict[str, SlurmSchedulerModel]:
    """The schedulers in the user's configuration file, by name: its tables ``[schedulers.NAME]``.

    Parameters
    ----------
    path : Path, optional
        Another file than the user's own. A file that does not exist has no schedulers.

    Raises
    ------
    InvalidRequest
        The file cannot be read; the message names the file, the table and the key.
    """
    path = path or profiles_path()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # ValueError: not TOML, or not UTF-8
        raise InvalidRequest(f"Cannot read {path}: {error}") from error
    tables = content.get("schedulers", {})
    if not isinstance(tables, dict):
        raise InvalidRequest(f"{path}: schedulers has to be tables, one [schedulers.NAME] for each.")
    return {name: _profile(path, name, table) for name, table in tables.items()}


def _profile(path: Path, name: str, table: Any) -> SlurmSchedulerModel:
    place = f"{path}, [schedulers.{name}]"
    if not isinstance(table, dict):
        raise InvalidRequest(f"{place}: has to be a table of options such as account, partition and walltime.")
    for key in table:
        if key not in _KEYS:
            raise InvalidRequest(f"{place}: there is no key {key!r}. {_advice(key)}")
    try:
        return SlurmSchedulerModel(name=name, **table)
    except ValidationError as error:
        complaints = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidRequest(f"{place}, {'; '.join(complaints)}") from error


def _advice(key: str) -> str:
    near = get_close_matches(key, _KEYS, n=1)
    if near:
        return f"Do you mean {near[0]!r}?"
    return f"The keys are {', '.join(_KEYS)}; sbatch's further options go into extra = {{ {key} = ... }}."
