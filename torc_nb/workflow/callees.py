"""The functions that an executor was given, each captured once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType
from typing import Any

import cloudpickle

from torc_nb.api import Api
from torc_nb.api.submitting import Call, Callee
from torc_nb.models import ResourceRequirementsModel

#: What is itself, however often it is looked at; anything else that can be called may hold other data each time.
_PLAIN = (FunctionType, BuiltinFunctionType, type)


class Callees:
    """Makes stored calls of functions and arguments.

    A plain function is captured when it is first submitted, with the values that it reads then. Partials, bound methods
    and other objects are looked at each time, as what they hold may have changed.
    """

    def __init__(self, api: Api, workflow_id: int, requirement: ResourceRequirementsModel) -> None:
        self._api = api
        self._workflow = api.get_workflow(workflow_id)
        self._requirement = requirement
        self._known: dict[Hashable, Callee] = {}
        self._lock = threading.Lock()

    def key(self, function: Callable[..., Any]) -> Hashable:
        """What tells a function, as it is now, from others."""
        if isinstance(function, _PLAIN):
            return id(function)  # of one that is known, which is held
        try:
            return blake2b(cloudpickle.dumps(function), digest_size=16).digest()
        except Exception:  # capturing it says why it cannot travel
            return id(function)

    def call(
        self, key: Hashable, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Callee, Call]:
        """Return a call as it is stored, and whose it is.

        Raises
        ------
        CannotCapture
            The function cannot travel.
        CannotStore
            An argument cannot be kept.
        """
        with self._lock:
            callee = self._known.get(key) or self._captured(key, function, frozenset())
            call, classes = callee.call(args, kwargs)
            if not classes <= callee.classes:  # they travel with the function
                callee = self._captured(key, function, callee.classes | classes)
                call, _ = callee.call(args, kwargs)
        return callee, call

    def _captured(self, key: Hashable, function: Callable[..., Any], classes: frozenset[type]) -> Callee:
        callee = self._api.callee(self._workflow, function, classes, self._requirement)
        self._known[key] = callee
        return callee
