"""What is kept of a function: plain data that any process can read without running it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Signature:
    """How a function may be called; decides whether a row is one argument or keywords.

    Attributes
    ----------
    positional
        Names of the parameters that can be given by position, in order.
    positional_only
        How many of them, from the left, cannot be given as keywords.
    required
        How many of them, from the left, have no default.
    keyword_only, required_keywords
        Names of the keyword-only parameters, and those of them without a default.
    many_positional, many_keywords
        Whether there is ``*args``, ``**kwargs``.
    """

    positional: tuple[str, ...]
    positional_only: int
    required: int
    keyword_only: tuple[str, ...]
    required_keywords: tuple[str, ...]
    many_positional: bool
    many_keywords: bool

    @property
    def accepts_any(self) -> bool:
        """Whether it has a parameter at all."""
        return bool(self.positional or self.keyword_only or self.many_positional or self.many_keywords)

    def accepts_positional(self, count: int) -> bool:
        """Whether a call with `count` positional arguments and nothing else binds."""
        enough = count >= self.required and not self.required_keywords
        return enough and (self.many_positional or count <= len(self.positional))

    def accepts_keywords(self, names: Collection[str]) -> bool:
        """Whether a call with exactly these keywords binds."""
        if self.required and self.positional_only:
            return False
        allowed = {*self.positional[self.positional_only :], *self.keyword_only}
        needed = {*self.positional[: self.required], *self.required_keywords}
        return needed <= set(names) and (self.many_keywords or set(names) <= allowed)


@dataclass(frozen=True)
class ModuleSource:
    """One local module, snapshotted by content.

    Attributes
    ----------
    name
        Its dotted import name.
    path
        Where it was, shown in tracebacks. A package without an ``__init__.py`` has its folder here.
    content
        The bytes of the file; empty for a package without an ``__init__.py``.
    is_package
        Whether it may have submodules.
    """

    name: str
    path: str
    content: bytes
    is_package: bool


@dataclass(frozen=True)
class Captured:
    """One thing that travels with a function: a value with its size in bytes, or code (`nbytes` is None)."""

    name: str
    nbytes: int | None


@dataclass(frozen=True)
class Ingredient:
    """One thing that a function's meaning is made of, kept to say later what changed.

    Attributes
    ----------
    kind
        "global", "closure", "default", "argument", "object" or "attribute" of a value; "helper" or "class" of code.
    name
        By which name it is read; a helper's own values are called "by of helper", attributes of classes "Model.rate".
    digest
        16 bytes in hexadecimal: of a value with all the code that hangs on it, of code by itself.
    shown
        A value in a few words; code as its source text.
    """

    kind: str
    name: str
    digest: str
    shown: str


@dataclass(frozen=True)
class Function:
    """A function as it was when captured.

    Attributes
    ----------
    name
        Its ``__name__``; "lambda" for a lambda, the inner name for a partial, the class name for an object.
    module
        The module it is imported from, where it was given by name.
    payload
        The pickle of (callable, classes by "module:qualname"); empty where it was given by name.
    python
        The (major, minor) version of Python that made `payload`. No other version may unpickle it.
    digest
        16 bytes: the meaning of the code and of the values it reads.
    source
        Its source text, "" where unknown.
    sources
        The text of each cell it came from, by file name, so that tracebacks elsewhere show the cell's lines.
    modules
        The local modules it reaches.
    imports
        The top-level installed packages it uses.
    captured
        What travels with it.
    signature
        How it may be called; None where Python cannot tell.
    unstable
        Names of captured values whose digest may differ although they are equal.
    ingredients
        What the digest is made of, local modules aside; empty where it was given by name, or stored by an earlier
        version of torc_nb.
    """

    name: str
    module: str | None
    payload: bytes
    python: tuple[int, int]
    digest: bytes
    source: str
    sources: Mapping[str, str]
    modules: tuple[ModuleSource, ...]
    imports: tuple[str, ...]
    captured: tuple[Captured, ...]
    signature: Signature | None
    unstable: tuple[str, ...]
    ingredients: tuple[Ingredient, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A function ready to be called in this process, with the classes its parameters need, by "module:qualname"."""

    call: Callable[..., Any]
    classes: dict[str, type]
