"""``{records}``: tables of the fields of records, read from the pydantic models."""

from __future__ import annotations

import inspect
from typing import Any

from docutils import nodes
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tables import paragraph, table

from torc_nb import models


class Records(SphinxDirective):
    """A section for each record that is named."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Build the sections."""
        return [self._record(getattr(models, name)) for name in " ".join(self.content).split()]

    def _record(self, model: Any) -> nodes.section:
        name = model.__name__
        section = nodes.section(ids=[f"torc_nb.{name}"], names=[name.lower()])
        section["support_smartquotes"] = False  # --option is no dash
        section += nodes.title(name, name)
        self.state.document.note_explicit_target(section, section)
        domain = self.env.get_domain("py")
        domain.note_object(f"torc_nb.{name}", "class", section["ids"][0], location=section)  # type: ignore[attr-defined]
        for text in (inspect.getdoc(model) or "").split("\n\n"):
            section += paragraph(" ".join(text.split()))
        rows = [_row(field, info) for field, info in model.model_fields.items()]
        section += table(("field", "type", "default", "meaning"), rows, widths=(4, 3, 3, 8))
        return section


def _row(name: str, info: FieldInfo) -> list[str]:
    annotation: Any = info.annotation
    kind = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
    default = info.get_default(call_default_factory=True, validated_data={})
    shown = "required" if default is PydanticUndefined else f"``{getattr(default, 'label', repr(default))}``"
    return [f"``{name}``", f"``{kind}``", shown, info.description or ""]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("records", Records)
    return {"parallel_read_safe": True}
