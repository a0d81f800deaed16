"""Nodes until done, with a Slurm that is a number: how many jobs it takes."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from api.queues import Queue, alive, campaign, end
from store.scene import completion

from torc_nb import slurm
from torc_nb.api import Api, campaigns
from torc_nb.errors import InvalidRequest, LaunchError
from torc_nb.models import Introduction, JobStatus, SlurmSchedulerModel
from torc_nb.store import claims, exclusions, leases

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_what_ends_is_replaced_exactly_once(api: Api, id_: int) -> None:
    """However many look at the same moment."""
    assert "3 allocations until all is done" in api.schedule_nodes(id_, 3, until_done=True).message
    end(api, id_, 2)
    lookers = [threading.Thread(target=api.status, args=(id_,)) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert alive(api, id_) == 3
    assert len(api.list_allocations(id_)) == 5


def test_a_limit_is_tried_again_later(api: Api, id_: int, queue: Queue) -> None:
    """What Slurm takes is submitted, in what pieces it may be; the rest is said, and nothing of it is left behind."""
    queue.room = 3
    brought = api.schedule_nodes(id_, 20, until_done=True)
    assert (brought.started, alive(api, id_)) == (3, 3)
    assert "Slurm takes no more of your jobs for now (AssocMaxSubmitJobLimit)" in brought.message
    assert len(api.list_allocations(id_)) == 3
    queue.room = 2
    status = api.status(id_)
    assert status.campaign is not None
    assert status.campaign.state == "on"
    assert alive(api, id_) == 5


def test_what_comes_upon_an_excluded_node_was_not_in_vain(api: Api, id_: int) -> None:
    """It was in the queue before the node was excluded: it is replaced, and counts as none in which nothing began."""
    exclusions.add(api.database, id_, "n1", "it hums")
    api.schedule_nodes(id_, 1, until_done=True)
    for _ in range(campaigns.IDLE_ENDS + 1):
        end(api, id_)
        api.status(id_)
    assert (campaign(api, id_).state, alive(api, id_)) == ("on", 1)


@ON_SQLITE
def test_what_is_queued_again_leaves_excluded_nodes_out(
    api: Api, id_: int, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those of its scheduler; where Slurm does not let it, it ends: it might come there for ever."""
    said: list[Any] = []
    monkeypatch.setattr(slurm, "requeue", said.append)
    monkeypatch.setattr(slurm, "exclude", lambda job, nodes: said.append((job, nodes)))
    exclusions.add(api.database, id_, "n1", "it hums")
    api.schedule_nodes(id_, 2, until_done=True, scheduler=SlurmSchedulerModel(extra={"exclude": "n[7-9]"}))
    end(api, id_, 2)
    first, second = api.list_allocations(id_)
    assert campaigns.requeue(api.database, id_, first.id or 0, "12_0")
    assert said == ["12_0", ("12_0", ["n[7-9]", "n1"])]

    def refuse(*_: Any) -> None:
        raise LaunchError("scontrol failed: Invalid node name specified")

    monkeypatch.setattr(slurm, "exclude", refuse)
    assert not campaigns.requeue(api.database, id_, second.id or 0, "12_1")
    assert queue.canceled == ["12_1"]
    assert "Invalid node name" in api.list_allocations(id_)[1].message


@ON_SQLITE
def test_node_hours_are_a_ceiling(api: Api, id_: int) -> None:
    """An allocation counts with its whole walltime; nothing is submitted that might go beyond."""
    hourly = SlurmSchedulerModel(walltime="1h")
    with pytest.raises(InvalidRequest, match="walltime"):
        api.schedule_nodes(id_, 5, until_done=True, max_node_hours=2.5)
    with pytest.raises(InvalidRequest, match="less than one allocation"):
        api.schedule_nodes(id_, 5, until_done=True, max_node_hours=0.5, scheduler=hourly)
    with pytest.raises(InvalidRequest, match="until_done=True only"):
        api.schedule_nodes(id_, 5, max_node_hours=5)
    assert api.schedule_nodes(id_, 5, until_done=True, max_node_hours=2.5, scheduler=hourly).started == 2
    api.status(id_)
    assert alive(api, id_) == 2
    assert api.schedule_nodes(id_, 4, max_node_hours=3.5).started == 1  # a change of the same wish


def test_it_stops_where_nothing_begins(api: Api, id_: int) -> None:
    """After three allocations that ended in vain, with what the last one said and what to type."""
    api.schedule_nodes(id_, 1, until_done=True)
    for _ in range(campaigns.IDLE_ENDS):
        assert campaign(api, id_).state == "on"
        end(api, id_)
        api.status(id_)
    stopped = campaign(api, id_)
    assert stopped.state == "stopped"
    assert "the last 3 allocations ended and no job began in any of them (the last one: it was not needed)" in (
        stopped.message
    )
    assert alive(api, id_) == 0
    assert "campaign stopped" in [event.kind for event in api.list_events(id_)]
    assert api.schedule_nodes(id_, 1, until_done=True).started == 1


@ON_SQLITE
def test_workers_that_saw_jobs_end_are_not_in_vain(api: Api, id_: int) -> None:
    """However many of them leave at the same moment, long after: at the end of a walltime that all have."""
    api.schedule_nodes(id_, 5, until_done=True)
    waiting = [one for one in api.list_allocations(id_) if one.state == "submitted"]
    there = [
        leases.join(api.database, Introduction(id_, "n1", 1, "elsewhere", 0.0, allocation_id=one.id)) for one in waiting
    ]
    api.cancel_jobs(id_, [int(job.id) for job in api.list_jobs(id_)[:5]])
    api.status(id_)
    for worker in there:
        leases.leave(api.database, worker, message="its walltime ended")
    api.status(id_)
    assert (campaign(api, id_).state, alive(api, id_)) == ("on", 5)


@ON_SQLITE
def test_refusals_stop_it(api: Api, id_: int, queue: Queue) -> None:
    """The first is the user's at once; later ones are tried three times, and leave no failed allocation."""
    queue.refusal = "sbatch refused: Invalid account"
    with pytest.raises(LaunchError, match="Invalid account"):
        api.schedule_nodes(id_, 2, until_done=True)
    assert campaign(api, id_).state == "stopped"
    queue.refusal = ""
    api.schedule_nodes(id_, 2, until_done=True)
    end(api, id_)
    queue.refusal = "sbatch refused: Invalid account"
    for _ in range(campaigns.IDLE_ENDS):
        assert campaign(api, id_).state == "on"
        api.status(id_)
    assert "It was refused 3 times" in campaign(api, id_).message
    assert [one.state for one in api.list_allocations(id_)] == ["ended", "submitted"]


@ON_SQLITE
def test_pause_holds_and_cancel_ends_it(api: Api, id_: int) -> None:
    """What is pending stays through a pause; cancel leaves nothing."""
    api.schedule_nodes(id_, 2, until_done=True)
    api.pause_workflow(id_)
    end(api, id_)
    api.status(id_)
    assert alive(api, id_) == 1
    api.resume_workflow(id_)
    api.status(id_)
    assert alive(api, id_) == 2
    api.cancel_workflow(id_)
    api.status(id_)
    assert (alive(api, id_), campaign(api, id_).state) == (0, "canceled")


@ON_SQLITE
def test_another_number_changes_it(api: Api, id_: int) -> None:
    """It goes on with that one; once=False means what it says."""
    api.schedule_nodes(id_, 2, until_done=True)
    assert api.schedule_nodes(id_, 4).started == 2
    assert campaign(api, id_).n == 4
    api.schedule_nodes(id_, 2, until_done=False)
    assert campaign(api, id_).state == "canceled"
    end(api, id_, 4)
    api.status(id_)
    assert alive(api, id_) == 0
    with pytest.raises(InvalidRequest, match="more=True"):
        api.schedule_nodes(id_, 2, until_done=True, more=True)


@ON_SQLITE
def test_surplus_is_cancelled_and_done_is_done(api: Api, id_: int, queue: Queue) -> None:
    """What waits for jobs that are at others' hands, or finished, is of no use."""
    api.schedule_nodes(id_, 5, until_done=True)
    job_ids = [int(job.id) for job in api.list_jobs(id_)]
    api.cancel_jobs(id_, job_ids[:98])
    api.status(id_)
    assert alive(api, id_) == 2
    assert len(queue.canceled) == 3
    api.cancel_jobs(id_, job_ids[98:])
    api.status(id_)
    assert (alive(api, id_), campaign(api, id_).state) == (0, "done")


def test_it_ends_where_all_that_is_left_is_stopped(api: Api, id_: int, queue: Queue) -> None:
    """Nothing is submitted for a map in which too many failed, what waits is canceled, and it says why it ended."""
    api.map_function(id_, lambda x: x, range(100), name="same", max_failures=2)
    api.schedule_nodes(id_, 3, until_done=True)
    worker = leases.join(api.database, Introduction(id_, "n1", 1, "elsewhere", 0.0, allocation_id=1))
    found = claims.exchange(api.database, id_, worker.id, room=lambda *_: 3).claims
    failed = [completion(claim, JobStatus.FAILED) for claim in found]
    claims.exchange(api.database, id_, worker.id, completions=failed[:2])
    api.status(id_)
    assert (campaign(api, id_).state, queue.canceled) == ("on", ["2", "3"]), "a job still runs"
    claims.exchange(api.database, id_, worker.id, completions=failed[2:])
    leases.leave(api.database, worker, message="")
    api.status(id_)
    stopped = campaign(api, id_)
    assert stopped.state == "stopped"
    assert stopped.message.startswith("map same is stopped: 3 jobs failed (max_failures=2), most with ValueError: bad.")
    assert "`%torc rerun`" in stopped.message
    assert alive(api, id_) == 0
    assert api.schedule_nodes(id_, 3, until_done=True).started == 0
    with pytest.raises(InvalidRequest, match="nothing to plan: map same is stopped"):
        api.plan_nodes(id_)


def test_an_allocation_that_ends_is_queued_again(api: Api, id_: int, queue: Queue) -> None:
    """Where nothing is taken: the same one, unless others are there, and not where nothing begins, or Slurm refuses."""
    queue.room = 2
    api.schedule_nodes(id_, 2, until_done=True)
    first, second = api.list_allocations(id_)
    end(api, id_)
    assert campaigns.requeue(api.database, id_, first.id or 0, "1")
    assert not campaigns.requeue(api.database, id_, first.id or 0, "1")  # two are alive again
    assert [(one.id, one.state, one.ended) for one in api.list_allocations(id_)] == [
        (first.id, "submitted", None), (second.id, "submitted", None)
    ]  # fmt: skip
    queue.refusal = "scontrol failed: Job is not requeueable"
    end(api, id_)
    assert not campaigns.requeue(api.database, id_, first.id or 0, "1")
    refused = api.list_allocations(id_)[0]
    assert (refused.state, "not requeueable" in refused.message) == ("ended", True)
    queue.refusal = ""
    end(api, id_)
    assert not campaigns.requeue(api.database, id_, first.id or 0, "1")  # the third that ended in vain
    assert queue.requeued == ["1"]
