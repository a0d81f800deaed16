"""Generated programs: each kind of edit, wherever it is made, changes the digest or leaves it, as its kind demands.

That the edits are edits is checked with Python's own parser, and that every kind was met in every piece of code that
has room for it is counted, so that nothing passes for want of examples.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .cells import Cells
from .edits import MEANINGFUL, MEANINGLESS, Site, apply, same_syntax, sites
from .programs import Program, programs

FUNCTIONS = {
    "cell:run",
    "cell:helper",
    "cell:deep",
    "cell:even",
    "cell:odd",
    "cell:make.inner",
    "cell:scaled.around.wrapper",
    "cell:Base.base",
    "cell:Model.fixed",
    "cell:Model.value",
    "mesh:area",
    "mesh:volume",
    "mesh:twice.doubled",
    "mesh:Grid.cells",
    "grid:low",
}
VALUES = {
    *(
        f"cell:{name}"
        for name in ("K", "NAMES", "CHOICES", "LIMITS", "TABLE", "FRAME", "Colour", "Row", "Base", "Model")
    ),
    *(f"cell:{name}" for name in ("adder", "model.extra", "part")),
    *("mesh:SIZE", "mesh:Grid", "grid:STEPS"),
}
WITH_DEFAULTS = {"cell:run", "cell:deep", "cell:helper", "cell:make.inner", "cell:Model.value", "mesh:area", "grid:low"}
_EVERYWHERE = {"name", "returned value", "parameter"}
"""Kinds that every function has room for; of the others, which depend on what was drawn, some places will do."""
AT_LEAST = {
    **dict.fromkeys(_EVERYWHERE, FUNCTIONS),
    "constant": VALUES,
    "default": WITH_DEFAULTS,
    "undecorated": {"cell:run", "cell:Model.fixed", "cell:Model.size", "cell:scaled.around.wrapper", "mesh:volume"},
    "base": {"cell:Model", "cell:Colour"},
}
_SHARE = {"constant": 8, **dict.fromkeys(_EVERYWHERE, 5)}
"""How many edits of a kind each program gets."""

quick = settings(
    max_examples=5,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")  # an edit may well compare a constant by `is`


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """A folder for cells and modules."""
    return Cells(tmp_path_factory.mktemp("generated"))


def digest(cells: Cells, texts: dict[str, str], *, source: bool = True) -> bytes:
    """What `run` of a program means."""
    modules = {name: text for name, text in texts.items() if name != "cell"}
    cells.forget()
    return cells.digest(texts["cell"], modules=modules, source=source)


def rarest(found: list[tuple[str, Site]], met: Counter[str], count: int) -> list[tuple[str, Site]]:
    """Some sites, one in each of the places that were met least."""
    by_place = {f"{name}:{site.place}": (name, site) for name, site in found}
    return [by_place[place] for place in sorted(by_place, key=lambda place: met[place])[:count]]


def test_an_edit_of_meaning_is_caught_wherever_it_is_made(cells):
    """In the function, its helpers and theirs, decorators, closures, methods, bases, modules, and in values read."""
    met: dict[str, Counter[str]] = {kind: Counter() for kind in MEANINGFUL}

    @quick
    @given(programs())
    def caught(program: Program) -> None:
        texts = program.texts
        before = digest(cells, texts)
        found = {name: sites(text) for name, text in texts.items()}
        for kind, places in met.items():
            of_kind = [(name, site) for name in found for site in found[name][kind]]
            for name, site in rarest(of_kind, places, _SHARE.get(kind, 2)):
                edited = apply(texts[name], kind, site)
                assert not same_syntax(texts[name], edited)
                assert digest(cells, {**texts, name: edited}) != before, (kind, name, site)
                places[f"{name}:{site.place}"] += 1

    caught()
    missing = {kind: places - set(met[kind]) for kind, places in AT_LEAST.items()}
    assert not any(missing.values()), missing
    few = {kind: places for kind, places in met.items() if kind not in AT_LEAST and len(set(places) & FUNCTIONS) < 4}
    assert not few, few


@pytest.mark.parametrize("source", [True, False], ids=["with source", "without source"])
def test_layout_never_counts(cells, source):
    """All comments, docstrings, blank lines, quotes, line breaks or parentheses of the cell and the modules at once."""
    met: Counter[str] = Counter()

    @settings(quick, max_examples=3)
    @given(programs())
    def ignored(program: Program) -> None:
        before = program.texts
        meant = digest(cells, before, source=source)
        for kind, edit in MEANINGLESS.items():
            after = {name: edit(text) for name, text in before.items()}
            for name, text in before.items():
                assert after[name] != text
                assert same_syntax(after[name], text)
            assert digest(cells, after, source=source) == meant, kind
            met[kind] += 1

    ignored()
    assert set(met.values()) == {3}


def test_where_code_stands_never_counts(cells):
    """Helpers in any order, in one cell or several, after other cells, with other numbers."""
    met = 0

    @settings(quick, max_examples=6)
    @given(programs(), st.permutations(range(4)))
    def ignored(program: Program, order: list[int]) -> None:
        nonlocal met
        texts = program.texts
        modules = {"mesh": texts["mesh"], "grid": texts["grid"]}
        before = digest(cells, texts)
        assert digest(cells, program.reordered(order).texts) == before
        head, _, tail = program.cell.partition("definitions\n")
        history = ["unused = 1\ndef helper(x):\n    return 'older'", "unrelated = {'a': object()}"]
        split = [*history, head, *(program.definitions[at] for at in order), tail]
        assert cells.digest(*split, modules=modules) == before
        met += order != sorted(order)

    ignored()
    assert met >= 3
