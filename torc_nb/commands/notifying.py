"""``workflows notify``: commands that are called when something has become of a workflow."""

from __future__ import annotations

import click

from torc_nb.commands.answers import Listing, Said
from torc_nb.commands.grammar import Verb
from torc_nb.commands.session import Session

_EVENTS = ("done", "stuck", "failing")


@click.command("notify", cls=Verb)
@click.argument("command", required=False)
@click.option(
    "--on",
    type=click.Choice(_EVENTS),
    multiple=True,
    help="done: all jobs have finished; stuck: jobs are left and nothing goes on; failing: at least five of the run "
    "have failed, and half of those that ended. May be repeated; default: all three.",
)
@click.option("--remove", type=int, multiple=True, metavar="ID", help="Call this one no more; may be repeated.")
@click.option("--remove-all", is_flag=True, help="Call none any more.")
@click.pass_obj
def notify(
    session: Session, command: str | None, on: tuple[str, ...], remove: tuple[int, ...], remove_all: bool
) -> Said | Listing:
    """Have a shell COMMAND called by a worker when something has become of the workflow; alone, list them.

    It finds TORC_NB_MESSAGE, one sentence, and TORC_NB_EVENT in its environment, and may take 60 s. Once for each event
    of a run.
    """
    workflow = session.workflow()
    assert workflow.id is not None
    if sum([command is not None, bool(remove), remove_all]) > 1:
        raise click.UsageError("Give a command, or --remove ID, or --remove-all: one of them.")
    if on and command is None:
        raise click.UsageError("--on goes with a command: `notify 'mail …' --on done`.")
    if command is not None:
        kept = session.api.notify(workflow.id, command, on or _EVENTS)
        text = f"Notification {kept.id} is called when {' or '.join(kept.on)}."
        return session.said(text, workflow, notification=kept.id, command=kept.command, on=kept.on)
    if remove or remove_all:
        from torc_nb.models.quantities import counted

        n = session.api.delete_notifications(workflow.id, None if remove_all else remove)
        return session.said(f"{counted(n, 'notification')} removed.", workflow, removed=n)
    from torc_nb import frames
    from torc_nb.models import NotificationModel

    found = session.api.list_notifications(workflow.id)
    frame = frames.records(NotificationModel, found, drop=["workflow_id"])
    return Listing(f"Notifications of {workflow.name} ({workflow.id})", frame)
