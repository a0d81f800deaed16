"""Where nodes may not submit: allocations are queued ahead in chains, as many as what is left is planned to need."""

from __future__ import annotations

import contextlib
import os

from torc_nb import launch, slurm
from torc_nb.api import planning
from torc_nb.errors import InvalidRequest, LaunchError, SlurmLimit, SlurmUnavailable
from torc_nb.launch.planning import Demand, links_of
from torc_nb.models import CampaignModel, SlurmSchedulerModel
from torc_nb.models.quantities import counted
from torc_nb.store import Database, campaigns, chains, demand
from torc_nb.store.campaigns import Standing

#: No more links of a chain wait and run at a time, however much is left: a queue is everybody's.
LINKS = 10

_NOT_NEEDED = "fewer nodes were asked for"


def foreseen(scheduler: SlurmSchedulerModel, before: CampaignModel | None) -> str | None:
    """Say why nodes will not be able to submit, as Slurm or a campaign before tells; None: it is not known."""
    if before is not None and before.scheduler.partition == scheduler.partition and before.nodes_refused is not None:
        return before.nodes_refused
    with contextlib.suppress(LaunchError):
        return slurm.kept_out(scheduler.partition or os.environ.get("SBATCH_PARTITION")) or None
    return None


def find_out(database: Database, workflow_id: int) -> None:
    """Try, on a node, whether Slurm would take an allocation from there, and write it down."""
    campaign = campaigns.get(database, workflow_id)
    if campaign is None or campaign.state != "on":
        return
    try:
        launch.would_start(campaign.scheduler, workflow_id)
    except SlurmUnavailable:
        return  # it says nothing; another worker is asked later
    except SlurmLimit:
        pass  # it would take it at another time
    except LaunchError as error:
        refused(database, workflow_id, error)
        return
    campaigns.note_nodes(database, workflow_id, "")


def refused(database: Database, workflow_id: int, error: LaunchError) -> None:
    """Note that Slurm takes nothing from the node that we are on."""
    campaigns.note_nodes(database, workflow_id, str(error).partition("\n")[0])


def wanted(database: Database, campaign: CampaignModel, standing: Standing) -> int:
    """How many allocations to have in all chains: no more than there are jobs for."""
    return min(campaign.n * _links(database, campaign), standing.running + standing.not_begun)


def _links(database: Database, campaign: CampaignModel) -> int:
    """How long each chain is to be: what is planned and one in hand; what is not known may take all of it."""
    left = [Demand(one.counted_with, one.n) for one in demand.left(database, campaign.workflow_id, claimed=True)]
    try:
        partitions = [one for one in slurm.partitions() if one.is_up]
        taken = planning.taken_by(campaign.scheduler, partitions)
        shapes = [one for one in planning.shapes_of(campaign.scheduler, partitions) if one.partition == taken]
        planned = [links_of(left, shape, campaign.n) for shape in shapes]
    except (LaunchError, InvalidRequest):  # Slurm does not tell, or has no such nodes now
        return LINKS
    known = [one for one in planned if one is not None]
    return min(LINKS, max(known) + 1) if known and len(known) == len(planned) else LINKS


def entered(database: Database, campaign: CampaignModel, most: int) -> list[tuple[list[int], launch.Chain]]:
    """Enter the links that are missing to ``most`` in all chains."""
    found = chains.enter(database, campaign.workflow_id, campaign.scheduler.id, campaign.n, LINKS, most)
    return [(one.ids, launch.Chain(one.chain, tuple(one.behind))) for one in found]


def cut(database: Database, campaign: CampaignModel) -> None:
    """Cancel the chains that are more than are wished now."""
    canceled = chains.cut(database, campaign.workflow_id, campaign.n, _NOT_NEEDED)
    with contextlib.suppress(LaunchError):  # they start some time, and are too many
        slurm.cancel(canceled)


def described(campaign: CampaignModel, alive: int) -> str:
    """Say that nodes may not submit, and what was done instead."""
    ahead = f"{counted(alive, 'allocation')} in {counted(min(alive, campaign.n), 'chain')} pending or running"
    return f"its nodes may not submit ({campaign.nodes_refused}), so that allocations are queued ahead: {ahead}"
