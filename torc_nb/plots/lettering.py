"""Names as letters on paper: cut where they are long, and in fonts that have their letters, where there are any."""

from __future__ import annotations

from functools import cache

from matplotlib import font_manager, ft2font
from matplotlib.textpath import text_to_path

from torc_nb.models.names import printable

#: After matplotlib's own font, those that are used for letters that it lacks, where they are installed.
_FALLBACKS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "WenQuanYi Micro Hei", "Hiragino Sans", "PingFang SC",
    "Arial Unicode MS", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Symbols 2",
    "Noto Emoji", "Symbola", "FreeSans",
)  # fmt: skip

#: How many letters ever fit, and how many points are an inch.
_MOST_LETTERS, _POINTS = 28, 72

#: What stands for a letter that no font has.
_NO_LETTER = "□"


@cache
def families() -> list[str]:
    """Return the fonts that are there, the first for most letters, the others for what it lacks."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]


def shown(name: str, longest: int = 28) -> str:
    """Make a label of a name: one line, at most so long, its middle left out, without letters that no font has."""
    line = printable(name)
    if len(line) > longest:
        head = longest * 2 // 3
        line = f"{line[:head]}…{line[head + 1 - longest :]}"
    return "".join(char if ord(char) in _letters() else _NO_LETTER for char in line)


def fitting(name: str, inches: float, size: float, weight: str) -> str:
    """Make a label of a name that is no wider than so many inches in letters of this size."""
    font = font_manager.FontProperties(family=families(), size=size, weight=weight)
    for longest in range(_MOST_LETTERS, 1, -1):
        label = shown(name, longest)
        width, _, _ = text_to_path.get_text_width_height_descent(label, font, ismath=False)
        if width <= inches * _POINTS:
            return label
    return "…"


@cache
def _letters() -> frozenset[int]:
    found: set[int] = set()
    for family in families():
        path = font_manager.findfont(font_manager.FontProperties(family=family))
        found |= set(ft2font.FT2Font(str(path)).get_charmap())
    return frozenset(found)
