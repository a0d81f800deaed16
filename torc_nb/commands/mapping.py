"""``map``: a function and parameters of the notebook, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from torc_nb.commands import completing
from torc_nb.commands.answers import Said
from torc_nb.commands.grammar import DURATION, MEMORY, KernelVerb
from torc_nb.commands.session import Session
from torc_nb.models.growth import FACTOR
from torc_nb.models.retries import Retry

if TYPE_CHECKING:
    from torc_nb.api import AnyFunction


@click.command("map", cls=KernelVerb, otherwise="A script calls Workflow(…).map(…).")
@click.argument("func", shell_complete=completing.functions)
@click.argument("params", nargs=-1, required=True, shell_complete=completing.variables)
@click.option(
    "--postprocess",
    metavar="FUNC",
    shell_complete=completing.functions,
    help="Gets the list of all results, in input order.",
)
@click.option("--name", help="Of the map; default: the function's.")
@click.option("--key", metavar="COLUMN", multiple=True, help="Identifies a row; may be repeated.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Of one job.")
@click.option("--gpus", type=click.IntRange(min=0), default=0, show_default=True, help="Of one job.")
@click.option("--memory", type=MEMORY, help="Of one job: 20g; default: the node's share per CPU.")
@click.option("--runtime", type=DURATION, help="That one job is expected to take: 1h.")
@click.option("--timeout", type=DURATION, help="After which one job is stopped.")
@click.option("--priority", type=int, default=0, show_default=True, help="Maps of a higher one are run first.")
@click.option("--unpack/--no-unpack", default=None, help="A row is keywords, or the one argument.")
@click.option("--module-directory", metavar="FOLDER", help="Where MODULE of MODULE:FUNCTION is.")
@click.option("--retries", type=click.IntRange(0, 1000), default=0, help="How often a job that failed is tried again.")
@click.option("--retry-wait", type=DURATION, default=0.0, help="Before the second try: 10s.")
@click.option("--retry-factor", type=click.FloatRange(1, 100), default=1.0, help="Each further wait is so much longer.")
@click.option("--retry-on", metavar="CLASS|CODE", multiple=True, help="Only after this; may be repeated.")
@click.option("--max-failures", type=click.IntRange(min=1), help="When so many have failed, no further one begins.")
@click.option("--max-memory", type=MEMORY, help="A job that runs out of memory is tried again with more, up to this.")
@click.option(
    "--memory-factor", type=click.FloatRange(1.1, 100), default=FACTOR, show_default=True,
    help="It then asks for so many times what was not enough.",
)  # fmt: skip
@click.option("--postprocess-partial", is_flag=True, help="Postprocess gets what there is where not all completed.")
@click.option("--drop", is_flag=True, help="Remove the jobs and results of absent rows.")
@click.pass_obj
def map_(
    session: Session,
    func: str,
    params: tuple[str, ...],
    postprocess: str | None,
    name: str | None,
    key: tuple[str, ...],
    cpus: int,
    gpus: int,
    memory: int | None,
    runtime: float | None,
    timeout: float | None,
    priority: int,
    unpack: bool | None,
    module_directory: str | None,
    drop: bool,
    retries: int,
    retry_wait: float,
    retry_factor: float,
    retry_on: tuple[str, ...],
    max_failures: int | None,
    max_memory: int | None,
    memory_factor: float,
    postprocess_partial: bool,
) -> Said:
    """Map a function of this notebook over parameters.

    FUNC is a name in this notebook, or MODULE:FUNCTION; PARAMS are names in this notebook: a list, a DataFrame, or
    several iterables in step. Said twice, it does it once. It gives back the map: m = %torc map run params
    """
    from torc_nb.api import sentence
    from torc_nb.functions import describe
    from torc_nb.models import ResourceRequirementsModel
    from torc_nb.workflow import Map

    names = session.names or {}
    function = _function(names, func)
    rows = [_value(names, one) for one in params]
    reducer = None if postprocess is None else _function(names, postprocess)
    workflow = session.workflow()
    assert workflow.id is not None
    requirement = ResourceRequirementsModel(
        workflow_id=workflow.id, num_cpus=cpus, num_gpus=gpus, memory=memory, runtime=runtime, timeout=timeout
    )
    mapped = session.api.map_function(
        workflow.id,
        function,
        *rows,
        name=name,
        key=key or None,
        unpack=unpack,
        postprocess=reducer,
        requirement=requirement,
        module_directory=module_directory,
        priority=priority,
        drop=drop,
        retries=Retry(retries, retry_wait, retry_factor, [int(one) if one.isdecimal() else one for one in retry_on]),
        max_failures=max_failures,
        max_memory=max_memory,
        memory_factor=memory_factor,
        postprocess_partial=postprocess_partial,
    )
    text = f"{sentence(mapped)}; captured {describe(mapped.function)}"
    made = Map(session.api, workflow.id, mapped.outcome.map_id, mapped.name)
    return session.said(text, workflow, value=made, map_id=mapped.outcome.map_id, map=mapped.name)


def _function(names: Mapping[str, Any], given: str) -> AnyFunction:
    module, colon, function = given.partition(":")
    if colon:
        return module, function
    found: AnyFunction = _value(names, given)
    return found


def _value(names: Mapping[str, Any], given: str) -> Any:
    if given in names:
        return names[given]
    near = next(iter(get_close_matches(given, [name for name in names if not name.startswith("_")], n=1)), None)
    meant = f" Do you mean `{near}`?" if near else ""
    raise click.UsageError(f"There is no `{given}` in this notebook.{meant}")
