"""Changes of what jobs are given: read, checked, and told in words."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from datetime import date, time, timedelta
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from torc_nb.api.rows import check_call as check_call_of
from torc_nb.errors import InvalidRequest
from torc_nb.functions import classes_of
from torc_nb.models import CLAIMED, FINISHED, UserDataModel, WorkflowModel
from torc_nb.store import Database, functions, maps, trust
from torc_nb.store.params import Written
from torc_nb.values import Spill, class_name, encode, equal, recast

#: Stands for a part that one of two values does not have.
_ABSENT: Any = object()

_ENVELOPE = {"module", "func", "params", "module_directory", "job_name"}

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxdict = _short.maxlist = _short.maxtuple = 4


class Edit(NamedTuple):
    """A job's new parameters, and the revision on which they were decided."""

    job_id: int
    rev: int
    value: Any


class Difference(NamedTuple):
    """One part that differs: its name ("" where it is the whole), what it was, what it is."""

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        old, new = (_in_words(value) for value in (self.old, self.new))
        return f"{self.name} {old} → {new}".strip()


class Modified(UserDataModel):
    """User data after a change: what differs, and when it takes effect."""

    changes: list[str] = Field(default_factory=list)
    note: str = ""
    #: What is to be done so that it takes effect: "", or "reinitialize".
    needs: str = ""

    @classmethod
    def of(cls, entry: UserDataModel, found: list[Difference], note: str, written: Written | None = None) -> Modified:
        """Say of user data what was changed."""
        needs = "reinitialize" if written is not None and waits(written) else ""
        fields = {name: getattr(entry, name) for name in UserDataModel.model_fields}
        return cls.model_construct(**fields, changes=[str(one) for one in found], note=note, needs=needs)


class Encoder:
    """Encodes new parameters of jobs that call a function; classes that did not travel with it are refused.

    Parameters
    ----------
    is_trial
        The texts are not to be stored, so that large values need no file.
    """

    def __init__(
        self, database: Database, workflow: WorkflowModel, function_id: int, *, is_trial: bool = False
    ) -> None:
        self._database = database
        self._workflow = workflow
        self._function_id = function_id
        self._spill = None if is_trial else Spill(Path(workflow.files) / "values")

    def __call__(self, job_id: int, value: Any) -> tuple[str, bytes]:
        """Return the text and its digest."""
        classes: set[type] = set()
        text, digest, _ = encode(value, spill=self._spill, classes=classes, name=f"the input of job {job_id}")
        missing = [one.__qualname__ for one in classes if class_name(one) not in self._travelled]
        if missing:
            raise InvalidRequest(
                f"The class {', '.join(missing)} of the notebook did not travel with the function when it was mapped, "
                f"so no worker could read the input of job {job_id}: run the cell with map again, with such a row."
            )
        return text, digest

    @cached_property
    def _travelled(self) -> dict[str, type]:
        trust.check(self._database, self._workflow, "The classes that travelled with its function are pickled")
        return classes_of(functions.get(self._database, self._function_id))


def check_can_change(key: int, job: Any) -> None:
    """Make sure that user data is what a job is given, by nobody but the user.

    Raises
    ------
    InvalidRequest
        It is what the job returned, or what another job returned.
    """
    if key % 2:
        raise InvalidRequest(
            f"User data {key} is what job {job.id} returned, which cannot be modified. Change its input "
            f"(user data {key - 1}), or run it again: wf.rerun(jobs=[{job.id}])."
            if job.map_id
            else f"User data {key} is what {job.name} (job {job.id}) returned, which cannot be modified; to run it "
            f"again: wf.rerun(jobs=[{job.id}])."
        )
    if job.source_id is not None:
        raise InvalidRequest(
            f"The input of job {job.id} is what job {job.source_id} returns: change that job's input, or run it again: "
            f"wf.rerun(jobs=[{job.source_id}])."
        )
    if job.collects is not None:
        raise InvalidRequest(
            f"{job.name} (job {job.id}) is given what the jobs of its map return: change their inputs."
        )


def params_of(data: Any, old: Any, job: Any) -> Any:
    """Take the parameters out of ``{"module", "func", "params"}``, where they are given so.

    Raises
    ------
    InvalidRequest
        It names another function than the job's.
    """
    if not isinstance(data, Mapping) or "params" not in data or not set(data) <= _ENVELOPE:
        return data
    if isinstance(old, Mapping) and "params" in old and not {"func", "module"} & set(data):
        return data  # a parameter is called so
    func, module = data.get("func", job.func), data.get("module")
    known = job.module or "__main__"
    if func != job.func or (module is not None and module.removesuffix(".py") != known):
        raise InvalidRequest(
            f"Job {job.id} calls {job.func} of {known}, not {func} of {module or known}. A modify changes parameters "
            "alone: leave module and func as they are; for another function call map with it."
        )
    return data["params"]


def recast_whole(old: Any, new: Any) -> Any:
    """Return a whole new value, its parts as the same types as those of the old one."""
    return recast(old, new, "the value") if not isinstance(old, dict) else _recast_dict(old, new)


def _recast_dict(old: dict[Any, Any], new: Any) -> Any:
    if not isinstance(new, Mapping):
        raise InvalidRequest(
            f"It is a dict of {', '.join(map(str, old)) or 'nothing'}, not {_in_words(new)}: give all of it, "
            "or single values by their names (mesh=0.05)."
        )
    by_text = {str(name): name for name in old}  # JSON has strings alone for names
    named = {by_text.get(name, name) if isinstance(name, str) else name: item for name, item in new.items()}
    return {name: recast(old[name], item, str(name)) if name in old else item for name, item in named.items()}


def check_call(database: Database, job: Any, old: Any, new: Any) -> None:
    """Make sure that the function can still be called, where names came or went.

    Raises
    ------
    InvalidRequest
        It cannot.
    """
    is_as_before = isinstance(old, dict) and isinstance(new, dict) and set(old) == set(new)
    if is_as_before or not job.map_id:
        return
    map_ = maps.get(database, job.map_id)
    if map_.call != "argument":
        check_call_of(functions.get(database, map_.function_id), map_.call, new)


def differences(old: Any, new: Any) -> list[Difference]:
    """Return what differs between two values, part by part where both have parts of one kind."""
    before, after = _parts(old), _parts(new)
    if before is None or after is None or type(old) is not type(new):
        return [] if equal(old, new) else [Difference("", old, new)]
    names = dict.fromkeys([*before, *after])
    pairs = [Difference(str(name), before.get(name, _ABSENT), after.get(name, _ABSENT)) for name in names]
    return [one for one in pairs if _differs(one)]


def _differs(one: Difference) -> bool:
    if one.old is _ABSENT or one.new is _ABSENT:
        return True
    return not equal(one.old, one.new)


def _parts(value: Any) -> dict[Any, Any] | None:
    if type(value) is dict:
        return value
    if isinstance(value, BaseModel):
        return dict(value)
    if isinstance(value, tuple | list):
        return dict(zip(getattr(value, "_fields", range(len(value))), value, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _in_words(value: Any) -> str:
    if value is _ABSENT:
        return "(absent)"
    return str(value) if isinstance(value, date | time | timedelta | PurePath) else _short.repr(value)


def conflict(what: str, key: int, rev: int, seen: int, theirs: Any, ours: Any) -> str:
    """Say that somebody changed user data meanwhile: both values, and what to type."""
    shown = "; ".join(
        f"{one.name or 'it'} is {_in_words(one.old)} there and {_in_words(one.new)} in yours"
        for one in differences(theirs, ours)
    )
    return (
        f"{what} was changed by somebody else: it is at rev {rev}, and yours was made on rev {seen}. "
        f"{shown or 'Both are the same'}. Nothing was written. To write yours over it, give rev={rev} (--rev {rev}); "
        f"to look at it: `%torc user-data get {key}`."
    )


def waits(written: Written) -> bool:
    """Whether a change takes effect at the next reinitialize only."""
    return not written.is_back and (written.status in CLAIMED or written.status in FINISHED)


def effect(job_id: int, written: Written, again: str = "wf.reinitialize()") -> str:
    """Say when a change takes effect."""
    status = written.status
    if status in CLAIMED:
        if written.is_back:
            return f"job {job_id} runs with this value already"
        return f"job {job_id} runs with the old value right now; `{again}` makes it run again"
    if status in FINISHED:
        if written.is_back:
            return f"job {job_id} {status.label} with this very value: nothing is to run again"
        return f"job {job_id} is {status.label}, with the old value; `{again}` makes it run again"
    return f"job {job_id} has not begun: it takes effect at once"
