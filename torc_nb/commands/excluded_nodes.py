"""``hpc slurm excluded-nodes``: nodes that a workflow's allocations leave alone."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import Noun
from torc_nb.commands.session import Session

excluded_nodes = Noun("excluded-nodes", help="Nodes that a workflow's allocations leave alone.")


@excluded_nodes.command("list")
@click.pass_obj
def list_(session: Session) -> Listing:
    """List the nodes that no later allocation is given: those found broken, and those that you named."""
    from torc_nb import frames
    from torc_nb.models import ExcludedNodeModel

    workflow = session.workflow()
    assert workflow.id is not None
    found = session.api.list_excluded_nodes(workflow.id)
    frame = frames.records(ExcludedNodeModel, found, ["workflow_id"], "node")
    return Listing(f"Excluded nodes of {workflow.name} ({workflow.id})", frame)


@excluded_nodes.command("add")
@click.argument("node")
@click.option("--reason", default="", help="Kept with it.")
@click.pass_obj
def add(session: Session, node: str, reason: str) -> Said:
    """Let no later allocation be given NODE; what runs there goes on."""
    workflow = session.workflow()
    assert workflow.id is not None
    is_new = session.api.exclude_node(workflow.id, node, reason)
    text = f"Excluded node {node}." if is_new else f"Node {node} is excluded already."
    return session.said(text, workflow, node=node, is_new=is_new)


@excluded_nodes.command("remove")
@click.argument("node")
@click.pass_obj
def remove(session: Session, node: str) -> Said:
    """Let allocations be given NODE again."""
    workflow = session.workflow()
    assert workflow.id is not None
    session.api.allow_node(workflow.id, node)
    return session.said(f"Node {node} may be used again.", workflow, node=node)
