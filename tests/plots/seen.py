"""What the tests look for in a figure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure


def written(figure: Figure) -> str:
    """All that is written in a figure, once it is drawn; nothing may be missing a letter."""
    figure.canvas.draw()
    texts = figure.findobj(match=lambda artist: hasattr(artist, "get_text") and artist.get_visible())
    return "\n".join(artist.get_text() for artist in texts)


def boxes(ax: Axes) -> dict[str, list[tuple[float, float, float, float]]]:
    """The boxes of a timeline by the status that they are labelled with: left, right, upper and lower end."""
    found: dict[str, list[Any]] = {}
    for group in ax.collections:
        if isinstance(group, PolyCollection) and not str(group.get_label()).startswith("_"):
            for path in group.get_paths():
                (left, top), (right, bottom) = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.setdefault(str(group.get_label()), []).append((left, right, top, bottom))
    return {label: sorted(one) for label, one in found.items()}


def colours(ax: Axes) -> dict[str, str]:
    """The colours of what is labelled in axes."""
    found = {}
    for container in ax.containers:
        found[str(container.get_label())] = to_hex(container[0].get_facecolor())
    for artist in [*ax.collections, *ax.patches]:
        face = np.atleast_2d(artist.get_facecolor())
        if len(face) and not str(artist.get_label()).startswith("_"):
            found[str(artist.get_label())] = to_hex(face[0])
    return found


def nothing_overlaps(ax: Axes) -> bool:
    """Whether no two lines of labels of the rows cover each other, nor the title the legend."""
    figure: Any = ax.figure
    figure.canvas.draw()
    labels = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_text()]
    parts = [labels, [ax.title.get_window_extent()]]
    if (legend := ax.get_legend()) is not None:
        parts[1].append(legend.get_window_extent())
    return all(
        not one.overlaps(other) or math.isclose(one.y0, other.y1) for group in parts for number, one in enumerate(group)
        for other in group[number + 1 :]
    )  # fmt: skip
