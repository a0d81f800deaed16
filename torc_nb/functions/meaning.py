"""The meaning of a function: a digest of its code and of the values it reads, and of nothing else.

Functions, classes, objects and names of local modules become nodes of a graph; an edge says what one uses and by which
name. Code may be recursive, so nodes cannot simply contain each other's digests: all are digested again and again,
each time with the previous digests of what they use, until no more of them can be told apart.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any, ForwardRef, TypeVar, get_args, get_origin

from torc_nb.functions.bytecode import body_imports, canonical_code, global_names
from torc_nb.functions.class_parts import fields, own_attributes
from torc_nb.functions.definition import definition_of, definition_of_class
from torc_nb.functions.local_code import IMPORTED, LocalCode, Place
from torc_nb.functions.pickler import is_cached, module_named, pack, reduced, shared_generator
from torc_nb.functions.places import is_foreign_code
from torc_nb.functions.reach import closure_values
from torc_nb.functions.snapshot import Snapshot
from torc_nb.functions.syntax import Import, absolute, canonical, dotted_names, imports_in

_MANY_NODES = 50_000
_ATOMS: tuple[type, ...] = (type(None), bool, int, float, complex, str, bytes)
_CONTAINERS: tuple[type, ...] = (list, tuple, dict, set, frozenset, MappingProxyType)


@dataclass(frozen=True)
class Meaning:
    """What a callable means.

    Attributes
    ----------
    digest
        16 bytes.
    unstable
        Names of captured values that may be digested differently next time although equal.
    """

    digest: bytes
    unstable: tuple[str, ...]
    _parts: Mapping[int, tuple[Any, bytes]]

    def of(self, value: Any) -> bytes | None:
        """The digest of a value that was met, with what hangs on it; None for another object, though it be equal."""
        known = self._parts.get(id(value))
        return None if known is None else known[1]


def meaning_of(root: Any, snapshot: Snapshot, classes: Iterable[type] = ()) -> Meaning:
    """Digest what a callable means.

    Parameters
    ----------
    root
        The callable, or the `Place` of one given by name.
    classes
        Classes of its parameters: their methods may be called too.
    """
    graph = _Graph(LocalCode(snapshot))
    start = graph.node(root, "")
    others = [graph.node(cls, cls.__name__) for cls in classes]
    graph.grow()
    colours = graph.colours()
    digest = _hash([colours[start], *sorted(colours[at] for at in others), b"all", *sorted(set(colours))])
    return Meaning(digest, tuple(sorted(graph.unstable)), graph.by_identity(colours))


class _Graph:
    def __init__(self, local: LocalCode) -> None:
        self._local = local
        self._memo: dict[Hashable, int] = {}
        self._kept: list[Any] = []  # ids stand for objects only while the objects live
        self._own: list[bytes] = []
        self._edges: list[list[tuple[str, int]]] = []
        self._pending: deque[tuple[int, Any, str]] = deque()
        self.unstable: set[str] = set()

    def node(self, value: Any, name: str) -> int:
        """The node of a value; `name` is the captured name it was reached by, for `unstable`."""
        key: Hashable = value if isinstance(value, (Place, _Text)) else id(value)
        if key not in self._memo:
            self._memo[key] = len(self._own)
            self._kept.append(value)
            self._own.append(b"")
            self._edges.append([])
            self._pending.append((self._memo[key], value, name))
        return self._memo[key]

    def grow(self) -> None:
        """Describe every node, which makes further nodes, until all are described."""
        while self._pending:
            at, value, name = self._pending.popleft()
            own, edges = self._describe(value, name)
            self._own[at] = own.encode(errors="surrogatepass")
            self._edges[at] = [(label, self.node(part, name or label.partition(" ")[2])) for label, part in edges]

    def colours(self) -> list[bytes]:
        """The digest of each node with what it uses."""
        colours = [_hash([own]) for own in self._own]
        distinct = 0
        while len(set(colours)) > distinct:
            distinct = len(set(colours))
            colours = [self._recoloured(at, colours) for at in range(len(colours))]
        return colours

    def by_identity(self, colours: list[bytes]) -> dict[int, tuple[Any, bytes]]:
        """What exists in this process, with its digest."""
        return {key: (self._kept[at], colours[at]) for key, at in self._memo.items() if isinstance(key, int)}

    def _recoloured(self, at: int, colours: list[bytes]) -> bytes:
        edges = sorted((label.encode(errors="surrogatepass"), colours[to]) for label, to in self._edges[at])
        return _hash([colours[at], *(part for edge in edges for part in edge)])

    def _describe(self, value: Any, name: str) -> tuple[str, list[tuple[str, Any]]]:
        """What a node says itself, and what it uses by which name."""
        if isinstance(value, _Text):
            return value.text, []
        if isinstance(value, Place):
            uses = set(self._local.uses(value))
            return f"local {value.module}:{value.name} {self._local.text(value)}", [(str(use), use) for use in uses]
        if isinstance(value, ModuleType):
            return f"module {value.__name__}", [("module", p) for p in self._in_module(value.__name__, ())]
        if isinstance(value, (FunctionType, type)) and (module := module_named(value)) is not None:
            return f"named {module}:{value.__qualname__}", self._by_name(module, value.__qualname__)
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        return self._object(value, name)

    def _in_module(self, module: str, path: tuple[str, ...]) -> Iterable[Place]:
        return self._local.attribute(module, path) if module in self._local else ()

    def _by_name(self, module: str, qualname: str) -> list[tuple[str, Any]]:
        return [("module", place) for place in self._in_module(module, tuple(qualname.split(".")))]

    def _function(self, function: FunctionType) -> tuple[str, list[tuple[str, Any]]]:
        edges: list[tuple[str, Any]] = [(f"closure {name}", value) for name, value in closure_values(function)]
        edges += [(f"default {at}", value) for at, value in enumerate(function.__defaults__ or ())]
        edges += [(f"default {name}", value) for name, value in (function.__kwdefaults__ or {}).items()]
        edges += [(f"attribute {name}", value) for name, value in vars(function).items()]
        if is_foreign_code(function.__code__):
            return f"wrapper {function.__globals__.get('__name__')}:{function.__code__.co_qualname}", edges
        definition = definition_of(function)
        if definition is None:
            paths: set[tuple[str, ...]] = {(name,) for name in global_names(function.__code__)}
            imports = _imports_of_code(function)
            text = canonical_code(function.__code__)
        else:
            paths = dotted_names(definition.node)
            imports = list(imports_in(definition.node, _package(function)))
            text = canonical(definition.node)
        edges += self._globals(function, paths) + self._imports(imports, paths, known=definition is not None)
        return f"function {text}", edges

    def _globals(self, function: FunctionType, paths: set[tuple[str, ...]]) -> list[tuple[str, Any]]:
        edges: list[tuple[str, Any]] = []
        for name in global_names(function.__code__):
            value = function.__globals__.get(name, _Text("undefined"))
            if isinstance(value, ModuleType) and value.__name__ in self._local:
                asked = [path for path in paths if path[0] == name] or [(name,)]
                edges += [(f"global {name}", p) for path in asked for p in self._in_module(value.__name__, path[1:])]
            elif name in function.__globals__ or not hasattr(builtins, name):
                edges.append((f"global {name}", value))
        return edges

    def _imports(self, imports: list[Import], paths: set[tuple[str, ...]], *, known: bool) -> list[tuple[str, Any]]:
        edges: list[tuple[str, Any]] = []
        for found in imports:
            if found.loads in self._local:
                edges.append(("import", Place(found.loads, IMPORTED)))
            asked = [path[1:] for path in paths if path[0] == found.alias] if known else [()]
            edges += [("import", place) for path in asked or [()] for place in self._local.imported(found, path)]
        return edges

    def _class(self, cls: type) -> tuple[str, list[tuple[str, Any]]]:
        definition = definition_of_class(cls)
        edges: list[tuple[str, Any]] = [(f"base {at}", base) for at, base in enumerate(cls.__bases__)]
        edges.append(("metaclass", type(cls)))
        edges += [(f"attribute {name}", value) for name, value in own_attributes(cls)]
        edges += [(f"annotation {name}", value) for name, value in vars(cls).get("__annotations__", {}).items()]
        edges += fields(cls)
        text = canonical(definition.node) if definition else ""
        return f"class {cls.__qualname__} {text}", edges

    def _object(self, value: Any, name: str) -> tuple[str, list[tuple[str, Any]]]:
        if (generator := shared_generator(value)) is not None:
            return f"named {generator}", []
        if isinstance(value, ForwardRef):  # it remembers what it was once resolved to
            return f"forward {value.__forward_arg__}", []
        if isinstance(value, TypeVar):  # it would be pickled with a random number
            return f"type variable {value.__name__}", [("bound", value.__bound__), ("among", value.__constraints__)]
        if (origin := get_origin(value)) is not None:
            return "type", [("origin", origin), ("args", get_args(value))]
        if isinstance(value, MethodType):
            return "method", [("function", value.__func__), ("self", value.__self__)]
        if isinstance(value, functools.partial):
            return "partial", [("function", value.func), ("args", value.args), ("keywords", value.keywords)]
        if is_cached(value):
            return "cached", [("function", value.__wrapped__)]
        if isinstance(value, (staticmethod, classmethod)):
            return type(value).__name__, [("function", value.__func__)]
        if isinstance(value, property):
            return "property", [("get", value.fget), ("set", value.fset), ("delete", value.fdel)]
        if isinstance(value, functools.cached_property):
            return "property", [("get", value.func)]
        if isinstance(value, BuiltinFunctionType) and not _is_bound(value):
            return f"named {value.__module__}:{value.__qualname__}", []
        return self._value(value, name)

    def _value(self, value: Any, name: str) -> tuple[str, list[tuple[str, Any]]]:
        from torc_nb.values.digest import digest_of

        carries_code = self._carries_code(value)
        digest, stable = digest_of(value) if not carries_code else (b"", False)
        if stable:
            return f"value {digest.hex()}", []
        if len(self._own) < _MANY_NODES:
            if type(value) in _CONTAINERS:
                return f"container {type(value).__name__}", _items(value)
            if isinstance(value, (set, frozenset)):  # pickle would tell its members in the order of their hashes
                return "set", [("class", type(value)), ("state", getattr(value, "__dict__", None)), *_items(value)]
            apart = reduced(value)
            if isinstance(apart, str):
                return f"named {type(value).__qualname__} {apart}", []
            if apart is not None:
                return "object", list(_reduction(apart, in_order=isinstance(value, OrderedDict)))
        self.unstable.add(name)
        return f"value {(digest or digest_of(value)[0]).hex()}", []

    def _carries_code(self, value: Any) -> bool:
        """Whether code of the notebook or of local modules hangs on a value, so that the value's digest is not all."""
        if type(value) in _ATOMS:
            return False
        if module_named(type(value)) is None:
            return True
        try:
            packed = pack(value, limit=1 << 62)
        except Exception:
            return True
        local = any(module in self._local for module in packed.modules)
        return bool(packed.functions or packed.classes or packed.generators or local)


class _Text(str):
    """A node that is nothing but a text."""

    @property
    def text(self) -> str:
        return f"text {self!s}"


def _hash(parts: Iterable[bytes]) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.digest()


def _package(function: FunctionType) -> str:
    return str(function.__globals__.get("__package__") or "")


def _imports_of_code(function: FunctionType) -> list[Import]:
    """Body imports where there is no text: which names were bound is unknown, so whole modules count."""
    found = []
    for body in body_imports(function.__code__):
        module = absolute(body.module, body.level, _package(function))
        found += [Import(module, None, module, name) for name in body.names] or [Import(module, None, module, None)]
    return found


def _is_bound(function: BuiltinFunctionType) -> bool:
    return function.__self__ is not None and not isinstance(function.__self__, (ModuleType, type))


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, (dict, MappingProxyType)):
        pairs = [(key, item) for key, item in value.items() if isinstance(key, str)]
        others = [(key, item) for key, item in value.items() if not isinstance(key, str)]
        return [(f"key {key}", item) for key, item in pairs] + [("pair", pair) for pair in others]
    if isinstance(value, (set, frozenset)):
        return [("member", item) for item in value]
    return [(str(at), item) for at, item in enumerate(value)]


def _reduction(apart: tuple[Any, ...], *, in_order: bool) -> Iterable[tuple[str, Any]]:
    """The parts of a ``__reduce_ex__``: callable, arguments, state, items."""
    call, arguments, state, items, pairs = (*apart[:5], None, None, None)[:5]
    yield "call", call
    yield "args", arguments
    if state is not None:
        yield "state", state
    if items is not None:
        yield "list", list(items)
    if pairs is not None:
        yield "dict", list(pairs) if in_order else dict(pairs)
