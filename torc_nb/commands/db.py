"""``db``: the database itself, and the private server that workers on other machines need."""

from __future__ import annotations

from typing import Any

import click

from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import DURATION, Noun
from torc_nb.commands.hpc import OF_JOBS
from torc_nb.commands.session import Session

db = Noun("db", help="The database itself: a private server for workers on other machines, its state, copies of it.")


def _of_jobs(command: Any) -> Any:
    """Give a command the options of a job that is asked of Slurm."""
    for option in reversed(OF_JOBS):
        command = option(command)
    return command


@db.command("start")
@click.option(
    "--on",
    type=click.Choice(["host", "slurm"]),
    help="As a process of this machine, or as a small Slurm job that renews itself.  [default: host]",
)
@click.option("--address", metavar="HOST", help="By which the nodes reach this machine; found out if not given.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="From where clients may come; repeat it.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: any that is free.")
@click.option(
    "--backups", metavar="FOLDER", help="For the daily copies; `none` makes none.  [default: in your state folder]"
)
@_of_jobs
@click.pass_obj
def start(
    session: Session,
    /,
    on: str | None,
    address: str | None,
    networks: tuple[str, ...],
    port: int | None,
    backups: str | None,
    **job: Any,
) -> Said:
    """Run a private PostgreSQL here, for workers on several machines.

    What the SQLite file beside it holds moves there; the file is kept under another name. Whoever finds the server gone
    later, a kernel, a command or a worker, starts it again. What is not said stays as it was said before.
    """
    from torc_nb.api import database_server

    sbatch = _sbatch(job)
    if sbatch and on != "slurm":
        raise click.UsageError(f"--{next(iter(sbatch))} is for a Slurm job: say --on slurm as well.")
    folder = "" if backups == "none" else backups
    asked = {"on": on, "address": address, "networks": networks, "port": port, "backups": folder, "sbatch": sbatch}
    given = {name: value for name, value in asked.items() if value not in (None, (), {})}
    started = database_server.start(session.database, **given)
    session.moved_to(started.url)
    text = f"The database server runs on {started.host}, port {started.port}"
    text += f", in Slurm job {started.slurm_job}." if started.slurm_job else "."
    if started.moved is not None:
        rows = sum(started.moved.values())
        text += f" All {rows:,} rows of {started.kept} are there, counted; open your workflows again: Workflow(name)."
    data = {"url": started.url, "host": started.host, "port": started.port, "moved": started.moved}
    return Said(text, data | ({"slurm_job": started.slurm_job} if started.slurm_job else {}))


def _sbatch(given: dict[str, Any]) -> dict[str, str]:
    """Return the options of a job by sbatch's long names."""
    from torc_nb.models.quantities import MIB, clock

    options = {name: given[name] for name in ("account", "partition", "qos")}
    options["time"] = None if given["walltime"] is None else clock(given["walltime"])
    options["mem"] = None if given["mem"] is None else f"{-(-given['mem'] // MIB)}M"
    return {name: value for name, value in options.items() if value is not None} | dict(given["extra"])


@db.command("stop")
@click.pass_obj
def stop(session: Session) -> Said:
    """End the private server; workers that run go on with what they have, and keep results until it is back."""
    from torc_nb.api import database_server

    host = database_server.stop(session.database)
    return Said(f"The database server on {host} has stopped; `db start` starts it again.", {"host": host})


@db.command("status")
@click.pass_obj
def status(session: Session) -> Said:
    """Show where the database is, how large it is, how fast it grows, and who uses it."""
    from torc_nb.api import database_server

    standing = database_server.status(session.database)
    data = database_server.facts(standing)
    return Said("\n".join(_lines(standing)), data)


def _lines(standing: Any) -> list[str]:
    import time

    from torc_nb.models.quantities import format_memory

    lines = [f"{standing.place}: {standing.state}" + (f" on {standing.where}" if standing.where else "")]
    if standing.slurm_job:
        lines.append(f"job      {standing.slurm_job} of Slurm")
    if standing.message:
        lines.append(standing.message)
    if standing.since is not None:
        lines.append(f"since    {time.strftime('%Y-%m-%d %H:%M', time.localtime(standing.since))}")
    if standing.size is not None:
        growth = (
            ""
            if standing.growth is None
            else f", {'+' if standing.growth >= 0 else '-'}{format_memory(abs(int(standing.growth)))} a day"
        )
        lines.append(f"size     {format_memory(standing.size)}{growth}")
    if standing.clients is not None:
        lines.append(f"clients  {standing.clients} connection{'' if standing.clients == 1 else 's'}")
    if standing.workers is not None:
        lines.append(f"workers  {standing.workers}")
    if standing.group is not None:
        lines.append(f"shared   with group {standing.group}, to be read")
    if standing.state not in ("file", "reachable"):
        lines.append(f"copy     {standing.backup or 'none yet'}")
    return lines


@db.command("url")
@click.pass_obj
def url(session: Session) -> Said:
    """Print what names the database, for --db and TORC_NB_DATABASE_URL; no password is in it."""
    chosen = session.database
    return Said(chosen, {"url": chosen}, chosen)


@db.command("prune")
@click.option("--dry-run", is_flag=True, help="Count, and remove nothing.")
@click.option("--untouched", type=DURATION, default="1d", show_default=True, help="Leave files younger than this.")
@click.pass_obj
def prune(session: Session, dry_run: bool, untouched: float) -> Said:
    """Clean all workflows, see `workflows clean`: old attempts, logs and large values that nothing names."""
    from dataclasses import asdict

    lines, data = [], []
    for workflow in session.api.list_workflows():
        assert workflow.id is not None
        done = session.api.clean_workflow(workflow.id, dry_run=dry_run, untouched=untouched)
        verb = "would remove" if dry_run else "removed"
        lines.append(f"{workflow.name} ({workflow.id}): {verb} {done.sentence}")
        data.append({"workflow_id": workflow.id, "workflow": workflow.name, **asdict(done)})
    return Said("\n".join(lines) or "There is no workflow.", {"dry_run": dry_run, "workflows": data})


@db.command("backup")
@click.argument("folder", required=False)
@click.pass_obj
def backup(session: Session, folder: str | None) -> Said:
    """Copy the database into a new file of FOLDER, while workers go on.

    Large values and logs are files of their own, beside it: they are not in the copy.
    """
    from torc_nb.api import database_server
    from torc_nb.models.quantities import format_memory

    path = database_server.backup(session.database, folder)
    size = path.stat().st_size
    return Said(f"Copied to {path} ({format_memory(size)}).", {"file": str(path), "size": size})


@db.command("restore")
@click.argument("file")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def restore(session: Session, file: str, yes: bool) -> Said:
    """Put a copy in the place of the database; what is there now is kept under another name."""
    from torc_nb.api import database_server

    if not yes:
        session.confirm(f"Put {file} in the place of the database?", f"`db restore {file} --yes`")
    before = database_server.restore(session.database, file)
    return Said(f"Restored from {file}; what was there before is {before}.", {"file": file, "before": before})
