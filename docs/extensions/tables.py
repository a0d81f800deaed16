"""Tables and paragraphs out of text with reStructuredText's literals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docutils import nodes


def paragraph(text: str) -> nodes.paragraph:
    """Make a paragraph of text in which what stands between double backquotes is literal."""
    node = nodes.paragraph()
    for number, part in enumerate(text.split("``")):
        if part:
            node += nodes.literal(part, part) if number % 2 else nodes.Text(part)
    return node


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> nodes.table:
    """Make a table of cells that are paragraphs."""
    whole = nodes.table(classes=["colwidths-given"])
    group = nodes.tgroup(cols=len(titles))
    group += [nodes.colspec(colwidth=width) for width in widths]
    head, body = nodes.thead(), nodes.tbody()
    head += _row(titles)
    body += [_row(row) for row in rows]
    group += [head, body]
    whole += group
    return whole


def _row(cells: Sequence[str]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += paragraph(cell)
        row += entry
    return row
