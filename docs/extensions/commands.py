"""``{commands}``: the reference of all commands, read from the click tree; ``{torc}`jobs list` `` refers to one."""

from __future__ import annotations

from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from torc_nb.commands import Session, tree

_NAME = "torc-nb"


class Commands(SphinxDirective):
    """A section for each noun, with one for each of its verbs."""

    def run(self) -> list[nodes.Node]:
        """Build the sections."""
        # As in a notebook: there all commands exist.
        context = click.Context(tree, info_name=_NAME, obj=Session(names={}))
        self._of_all = {option.name for option in tree.params}
        verbs, nouns = [], []
        for name in tree.list_commands(context):
            command = tree.commands[name]
            (nouns if isinstance(command, click.Group) else verbs).append((command, context))
        return [
            self._options_of_all(context),
            *(self._noun(command, parent) for command, parent in nouns),
            *(self._verb(command, parent) for command, parent in verbs),
        ]

    def _options_of_all(self, context: click.Context) -> nodes.Node:
        section = self._section("Options of every command", "options-of-every-command")
        section += _options(tree, context, lambda option: True)
        return section

    def _noun(self, group: click.Group, parent: click.Context) -> nodes.Node:
        context = click.Context(group, info_name=group.name, parent=parent)
        section = self._command_section(context)
        section += self._prose(group)
        inner = list(group.list_commands(context))
        for name in inner:
            command = group.commands[name]
            section += (
                self._noun(command, context) if isinstance(command, click.Group) else self._verb(command, context)
            )
        return section

    def _verb(self, command: click.Command, parent: click.Context) -> nodes.Node:
        context = click.Context(command, info_name=command.name, parent=parent)
        section = self._command_section(context)
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        section += nodes.literal_block(usage, usage, language="text")
        section += self._prose(command)
        section += _options(command, context, lambda option: option.name not in self._of_all)
        return section

    def _command_section(self, context: click.Context) -> nodes.section:
        words = context.command_path.removeprefix(f"{_NAME} ")
        section = self._section(words, nodes.make_id(words))
        self.env.get_domain("std").note_object("torc", words, section["ids"][0], location=section)  # type: ignore[attr-defined]
        return section

    def _section(self, title: str, anchor: str) -> nodes.section:
        section = nodes.section(ids=[anchor], names=[nodes.fully_normalize_name(title)])
        section["support_smartquotes"] = False  # --option is no dash
        section += nodes.title(title, title)
        self.state.document.note_explicit_target(section, section)
        return section

    def _prose(self, command: click.Command) -> Iterator[nodes.Node]:
        """The help text, which is Markdown's kind of plain text."""
        for paragraph in (command.help or "").split("\n\n"):
            node = nodes.paragraph()
            for part, text in enumerate(" ".join(paragraph.split()).split("`")):
                node += nodes.literal(text, text) if part % 2 else nodes.Text(text)
            yield node


def _options(command: click.Command, context: click.Context, is_shown) -> list[nodes.Node]:  # noqa: ANN001
    rows = [
        record
        for option in command.params
        if isinstance(option, click.Option) and is_shown(option) and (record := option.get_help_record(context))
    ]
    if not rows:
        return []
    listing = nodes.option_list()
    for names, text in rows:
        item = nodes.option_list_item()
        group = nodes.option_group()
        option = nodes.option()
        option += nodes.option_string(names, names)
        group += option
        description = nodes.description()
        description += nodes.paragraph(text, text)
        item += [group, description]
        listing += item
    return [listing]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the role."""
    app.add_object_type("torc", "torc", objname="command")
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
