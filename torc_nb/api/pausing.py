"""A workflow that is held for a while: what runs goes on to its end, nothing new begins."""

from __future__ import annotations

from torc_nb.store import Database, leases, workflows

#: What there is to say of workers that were brought, or jobs that were made ready, while it is paused.
_PAUSED = "the workflow is paused: wf.resume() lets its jobs begin"


def begin(database: Database, workflow_id: int) -> list[str]:
    """Start a workflow, but for one that was paused; returns what there is to say of that."""
    workflows.set_state(database, workflow_id, "started", unless="paused")
    return [_PAUSED] if workflows.get(database, workflow_id).state == "paused" else []


def pause(database: Database, workflow_id: int) -> str:
    """Let no job begin until ``resume``; returns what was done, as a sentence.

    Workers give back what they have not begun, within seconds, and wait; after their ``idle_timeout`` they leave.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    if workflows.set_state(database, workflow_id, "paused", only="started"):
        return "paused: what runs goes on to its end, nothing new begins"
    state = workflows.get(database, workflow_id).state
    return "it was paused before" if state == "paused" else f"it is {state}: there is nothing to pause"


def resume(database: Database, workflow_id: int) -> str:
    """Let the jobs of a paused workflow begin again; returns what was done, as a sentence.

    Raises
    ------
    NotFound
        No workflow of that id.
    """
    if not workflows.set_state(database, workflow_id, "started", only="paused"):
        return f"it is {workflows.get(database, workflow_id).state}, not paused"
    if leases.running(database, workflow_id):
        return "resumed: its jobs go on"
    return "resumed; no worker is there any more: wf.run() starts one here, wf.schedule_nodes(n) asks Slurm for n nodes"
