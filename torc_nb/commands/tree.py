"""The whole tree, put together."""

from __future__ import annotations

from torc_nb.commands.allocations import allocations
from torc_nb.commands.changing import OF_JOBS, OF_WORKFLOWS
from torc_nb.commands.checking import check
from torc_nb.commands.choosing import use
from torc_nb.commands.cleaning import clean
from torc_nb.commands.db import db
from torc_nb.commands.debugging import debug
from torc_nb.commands.diagnosing import why
from torc_nb.commands.events import events
from torc_nb.commands.failures import failures
from torc_nb.commands.files import files
from torc_nb.commands.grammar import Noun
from torc_nb.commands.hpc import hpc, slurm
from torc_nb.commands.jobs import jobs
from torc_nb.commands.mapping import map_
from torc_nb.commands.moving import export, import_
from torc_nb.commands.notifying import notify
from torc_nb.commands.resource_requirements import resource_requirements
from torc_nb.commands.results import results
from torc_nb.commands.running import rerun, run
from torc_nb.commands.sharing import OF_DB
from torc_nb.commands.user_data import user_data
from torc_nb.commands.watching import watch
from torc_nb.commands.workers import workers
from torc_nb.commands.workflows import workflows

NOUNS = (
    workflows, jobs, user_data, files, results, failures, hpc, resource_requirements, allocations, workers, events, db,
)  # fmt: skip

for verb in (*OF_WORKFLOWS, use, clean, export, import_, notify):
    workflows.add_command(verb)
for verb in OF_JOBS:
    jobs.add_command(verb)
for verb in OF_DB:
    db.add_command(verb)

tree = Noun(
    "torc-nb", help="Map functions over parameters, on this machine or on Slurm; look at jobs, results and failures."
)
for command in (*NOUNS, map_, run, rerun, check, watch, why, debug):
    tree.add_command(command)
tree.add_command(jobs.commands["logs"])

# `list user-data`, as users of torc type it, is `user-data list`; so for every noun that can be listed.
_listing = Noun("list", help="The same as NOUN list.")
_listing.hidden = True
for noun in NOUNS:
    if "list" in noun.commands:
        _listing.add_command(noun.commands["list"], noun.name)
_listing.add_command(slurm.commands["list"], slurm.name)
tree.add_command(_listing)
