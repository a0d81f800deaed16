"""What a code object says about itself where its source text cannot be found or need not be read."""

from __future__ import annotations

import dis
import functools
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

_READS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_JUMPS = {*dis.hasjrel, *dis.hasjabs}
_SAME = {"LOAD_METHOD": "LOAD_ATTR"}
_PREPARATIONS = {"PRECALL", "PUSH_NULL", "EXTENDED_ARG", "NOP"}


@dataclass(frozen=True)
class BodyImport:
    """An import statement inside a function: ``from ..module import names`` has level 2."""

    module: str
    level: int
    names: tuple[str, ...]


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of everything defined inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


@functools.lru_cache(maxsize=4096)
def global_names(code: CodeType) -> tuple[str, ...]:
    """Names the code looks up among globals and builtins, sorted."""
    return tuple(sorted({i.argval for c in code_objects(code) for i in dis.get_instructions(c) if i.opname in _READS}))


def body_imports(code: CodeType) -> list[BodyImport]:
    """The import statements in the code."""
    found = []
    for inner in code_objects(code):
        instructions = list(dis.get_instructions(inner))
        for at, instruction in enumerate(instructions):
            if instruction.opname == "IMPORT_NAME" and at >= 2:
                level, names = instructions[at - 2].argval, instructions[at - 1].argval
                found.append(BodyImport(instruction.argval, int(level or 0), tuple(names or ())))
    return found


def canonical_code(code: CodeType) -> str:
    """The instructions of the code with everything left out that layout or the rest of the cell decides.

    Constants stand where they are loaded, so that an unused one (a docstring) leaves no trace. ``np.sin(x)`` compiles
    differently where ``import np`` stands in the same cell, which makes jumps differ too; so these are counted in
    instructions that remain.
    """
    kept = list(_meaningful(dis.get_instructions(code)))
    offsets = [instruction.offset for instruction in kept]
    lines = [
        str(code.co_flags),
        repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)),
        repr((code.co_varnames, code.co_cellvars, code.co_freevars)),
    ]
    lines += [f"{_SAME.get(i.opname, i.opname)} {_canonical_argument(i, offsets)}" for i in kept]
    for guarded in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined]  # not in the stubs
        lines.append(repr([bisect_left(offsets, at) for at in (guarded.start, guarded.end, guarded.target)]))
    return "\n".join(lines)


def _meaningful(instructions: Iterator[dis.Instruction]) -> Iterator[dis.Instruction]:
    """Without what only prepares calls, the line number that class bodies keep since Python 3.13, and docstrings."""
    held: dis.Instruction | None = None
    for instruction in instructions:
        if instruction.opname in _PREPARATIONS:
            continue
        if instruction.opname == "STORE_NAME" and instruction.argval in ("__firstlineno__", "__doc__"):
            held = None
            continue
        if held is not None:
            yield held
        held = instruction
    if held is not None:
        yield held


def _canonical_argument(instruction: dis.Instruction, offsets: list[int]) -> str:
    if instruction.arg is None:
        return ""
    if instruction.opcode in _JUMPS:
        return f"to {bisect_left(offsets, instruction.argval)}"
    value = instruction.argval
    return _canonical_constant(value) if instruction.opname.endswith("_CONST") else f"{value!r}"


def _canonical_constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return "{" + canonical_code(value) + "}"
    if isinstance(value, frozenset):
        return "frozenset(" + ",".join(sorted(map(_canonical_constant, value))) + ")"
    if isinstance(value, tuple):
        return "(" + ",".join(map(_canonical_constant, value)) + ")"
    return f"{type(value).__name__}:{value!r}"
