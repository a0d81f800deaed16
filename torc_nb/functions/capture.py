"""From a callable in the notebook to something that can be stored."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from torc_nb.errors import CannotCapture
from torc_nb.functions import refuse
from torc_nb.functions.bytecode import body_imports
from torc_nb.functions.definition import own_functions, source_of, text_of
from torc_nb.functions.ingredients import ingredients_of
from torc_nb.functions.meaning import meaning_of
from torc_nb.functions.pickler import Packed, is_cached, module_named, pack
from torc_nb.functions.places import is_foreign_code
from torc_nb.functions.reach import Reached, reachable
from torc_nb.functions.record import Captured, Function
from torc_nb.functions.signature import signature_of
from torc_nb.functions.sizes import size_of
from torc_nb.functions.snapshot import Snapshot, take
from torc_nb.functions.syntax import absolute

_CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, functools.partial)


def capture(func: Callable[..., Any], *, classes: Iterable[type] = ()) -> Function:
    """Take a callable as it is now, with all that it uses.

    Parameters
    ----------
    func
        A function, lambda, closure, partial, bound method, class or callable object, from a cell or a module.
    classes
        Classes of the notebook that its parameters are instances of; they travel along and count for the digest.

    Returns
    -------
    Function
        Plain data; `load` makes it callable in another process.

    Raises
    ------
    CannotCapture
        Names what cannot travel, and where in the function it is.
    """
    if not callable(func):
        raise CannotCapture(f"{func!r} cannot be called. Give map a function")
    name = name_of(func)
    refuse.refuse_kind(func, name)
    by_name = {f"{cls.__module__}:{cls.__qualname__}": cls for cls in classes}
    reached = list(reachable(func))
    refuse.refuse_notebook_only(func, reached)
    data = _data(reached)
    refuse.refuse_large(name, data, refuse.LIMIT)
    packed = _packed(func, by_name, name)
    snapshot = take(_modules_used(packed))
    meaning = meaning_of(func, snapshot, [by_name[key] for key in sorted(by_name)])
    return Function(
        name=name,
        module=None,
        payload=packed.payload,
        python=sys.version_info[:2],
        digest=meaning.digest,
        source=source_of(func),
        sources=_texts(packed),
        modules=modules_in_order(snapshot),
        imports=tuple(sorted(snapshot.installed)),
        captured=(*_captured(func, reached, data), *captured_files(snapshot)),
        signature=signature_of(func),
        unstable=meaning.unstable,
        ingredients=ingredients_of(func, reached, meaning),
    )


def name_of(func: Any) -> str:
    """What to call a callable."""
    while isinstance(func, functools.partial):
        func = func.func
    name = getattr(func, "__name__", None)
    if not isinstance(name, str):
        name = type(func).__name__
    return "lambda" if name == "<lambda>" else name


def modules_in_order(snapshot: Snapshot) -> tuple[Any, ...]:
    """The modules of a snapshot by name, so that equal ones are equal."""
    return tuple(snapshot.modules[name] for name in sorted(snapshot.modules))


def captured_files(snapshot: Snapshot) -> tuple[Captured, ...]:
    """The local modules as a person thinks of them: "mesh.py", and "solver/" for a whole package."""
    top = sorted({name.partition(".")[0] for name in snapshot.modules})
    return tuple(Captured(f"{name}/" if snapshot.modules[name].is_package else f"{name}.py", None) for name in top)


def _packed(func: Any, classes: Mapping[str, type], name: str) -> Packed:
    root = (func, dict(classes))
    try:
        return pack(root, refuse.LIMIT)
    except Exception as error:
        for candidate in (func, *classes.values()):
            try:
                pack(candidate, refuse.LIMIT)
            except Exception as failure:
                raise refuse.refusal(name, candidate, failure, refuse.LIMIT) from error
        raise CannotCapture(f"`{name}` cannot be mapped: {error}") from error


def _modules_used(packed: Packed) -> set[str]:
    """Modules that the pickle names, and those that function bodies import."""
    names = set(packed.modules)
    for function in packed.functions:
        if is_foreign_code(function.__code__):
            continue
        for body in body_imports(function.__code__):
            module = absolute(body.module, body.level, str(function.__globals__.get("__package__") or ""))
            names |= {module, *(f"{module}.{name}" for name in body.names if name != "*")}
    return names


def _texts(packed: Packed) -> dict[str, str]:
    """The cells that functions and classes were written in, by file name."""
    functions = [*packed.functions, *(method for cls in packed.classes for method in own_functions(cls))]
    files = {f.__code__.co_filename for f in functions if not is_foreign_code(f.__code__)}
    return {name: text for name in sorted(files) if (text := text_of(name))}


def _data(reached: list[Reached]) -> list[tuple[Reached, int]]:
    """The values, not code, that travel with a function: the outermost of each, with its size in bytes."""
    found: dict[int, tuple[Reached, int]] = {}
    for one in reached:
        kind = one.parts[-1].kind
        carried = kind in ("global", "closure value", "default", "argument", "object of method")
        if carried and not _is_code(one.value) and id(one.value) not in found:
            found[id(one.value)] = one, size_of(one.value)
    return list(found.values())


def _is_code(value: Any) -> bool:
    return isinstance(value, _CODE) or is_cached(value) or value is None


def _captured(func: Any, reached: list[Reached], data: list[tuple[Reached, int]]) -> list[Captured]:
    """What a person would want to know travels: values with their sizes, then functions and classes of the notebook."""
    sizes: dict[str, int] = {}
    for one, size in data:
        part = one.parts[-1]
        if part.kind in ("global", "closure value"):
            sizes[part.name] = max(size, sizes.get(part.name, 0))
        elif part.kind == "object of method":
            sizes[type(part.value).__name__] = size
        elif part.kind == "argument":
            sizes[f"argument {part.name}"] = size
    code = []
    for one in reached:
        part, value = one.parts[-1], one.value
        by_value = isinstance(value, (FunctionType, type)) and module_named(value) is None
        if part.kind == "global" and (by_value or is_cached(value)) and value is not func:
            code.append(part.name)
    return [*(Captured(name, size) for name, size in sizes.items()), *(Captured(c, None) for c in dict.fromkeys(code))]
