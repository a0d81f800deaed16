"""Says whether anything was lost, doubled or stuck."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chaos import work
from chaos.harness import Course
from chaos.journal import Execution
from chaos.scene import NOTHING, Harm
from chaos.sites import Site
from torc_nb.models import JobStatus

#: So long before its worker came to harm, in seconds, an execution may have ended whose end is not written yet: while
#: the database is away it waits for a second in memory, and the machine may be busy.
UNWRITTEN = 3.0
#: Of each kind of complaint so many examples are told in full.
EXAMPLES = 10


@dataclass
class Verdict:
    """What the oracle found; all is well where nothing of it is."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    executions: int = 0
    asked: Counter[int] = field(default_factory=Counter)  # by row, how often the user had it run again as it was
    shifts: dict[int, list[int]] = field(default_factory=dict)  # by row, with which it was to run, one after the other
    repeated: int = 0  # executions beyond the first of their rows, with a reason or without

    @property
    def complaints(self) -> list[str]:
        """All that is wrong, in words."""
        return self.lost + self.doubled + self.stuck


def judge(site: Site, course: Course) -> Verdict:
    """Look at the database, the journal and what is left on the disk."""
    verdict = Verdict()
    _judge_results(site, course, verdict)
    _judge_counts(site, verdict)
    _judge_executions(site, course, verdict)
    verdict.stuck += [f"process {pid} is left" for pid in course.processes_left]
    verdict.stuck += [f"{path} is left" for path in course.spools_left]
    return verdict


def _judge_results(site: Site, course: Course, verdict: Verdict) -> None:
    """Each row has to have an effective result, that of its newest parameters, and no more than were asked for."""
    api = site.api
    effective: dict[int, Counter[bytes]] = defaultdict(Counter)  # by job, then by the parameters that were used
    for one in api.list_results(site.workflow_id):
        if one.status == JobStatus.COMPLETED and not one.late:
            effective[one.job_id][bytes(one.fingerprint)] += 1
    for name, first, count in course.rows:
        map_id = api.get_map(site.workflow_id, name).id
        decode = api.map_decoder(map_id)
        jobs = {job.row: job for job in api.list_jobs(site.workflow_id, map_id=map_id)}
        values = api.values(map_id, [job.id for job in jobs.values()])
        inputs = {job_id: decode(params) for job_id, _, _, params, _ in api.map_inputs(map_id)}
        if sorted(jobs) != list(range(count)):
            verdict.lost.append(f"{name} has {len(jobs)} jobs, not {count}")
        for row, job in jobs.items():
            verdict.asked[first + row] = site.scene.editor.asked[job.id]
            verdict.shifts[first + row] = [0, *site.scene.editor.given[job.id]]
            _judge_row(first + row, job, inputs[job.id], values.get(job.id), effective[job.id], verdict)


def _judge_row(row: int, job: Any, given: Any, value: Any, effective: Counter[bytes], verdict: Verdict) -> None:
    told, status = f"row {row} (job {job.id})", JobStatus(job.status)
    shifts, asked = verdict.shifts[row], verdict.asked[row]
    if not status.is_finished:
        verdict.stuck.append(f"{told} is {status.label}; attempt {job.attempt}, worker {job.worker_id}")
    elif given["shift"] != shifts[-1]:
        verdict.lost.append(f"{told} is to be given {given}, and the shifts were {shifts}")
    elif value != work.expected(row, shifts[-1]):
        verdict.lost.append(f"{told} is {status.label} with {value!r}, and the shifts were {shifts}: {job.note}")
    elif not effective:
        verdict.lost.append(f"{told} has no effective result")
    elif effective.total() - len(effective) > asked or len(effective) > len(shifts):
        numbers = sorted(effective.values())
        verdict.doubled.append(
            f"{told} has {numbers} effective results of its {len(shifts)} parameters, and was asked to run again "
            f"{asked} times"
        )


def _judge_counts(site: Site, verdict: Verdict) -> None:
    """What is counted while jobs move has to be what is there."""
    counted = {status: n for status, n in site.api.numbers(site.workflow_id).items() if n}
    there = Counter(job.status for job in site.api.list_jobs(site.workflow_id))
    if counted != there:
        verdict.doubled.append(f"the counts say {counted}, and there are {dict(there)}")


def _judge_executions(site: Site, course: Course, verdict: Verdict) -> None:
    """Each row has to have ended once with each parameters that it ran with, the newest among them.

    It may have begun again only where a fault was the reason, or the user.
    """
    executions = site.scene.journal.executions()
    verdict.executions = len(executions)
    by_row: dict[int, list[Execution]] = defaultdict(list)
    for execution in executions:
        by_row[execution.row].append(execution)
    harms: dict[int, list[Harm]] = defaultdict(list)
    for harm in site.scene.harms:
        harms[harm.worker].append(harm)
    for row in range(course.jobs):
        several, shifts = by_row[row], verdict.shifts[row]
        counting = Counter(one.shift for one in several if not _is_excused(one, harms[one.worker]))
        verdict.repeated += max(0, len(several) - 1)
        if counting.total() - len(counting) > verdict.asked[row]:
            verdict.doubled.append(_story(row, several, harms, course))
        if unknown := {one.shift for one in several} - set(shifts):
            verdict.doubled.append(f"row {row} ran with the shifts {sorted(unknown)}, and was given {shifts}")
        if not course.timed_out and not any(one.shift == shifts[-1] and one.ended for one in several):
            verdict.lost.append(f"row {row} never ran to its end with the shift {shifts[-1]}")


def _is_excused(execution: Execution, harms: Iterable[Harm]) -> bool:
    """Whether a fault was a reason to run a row again."""
    if execution.ended is None:
        return True
    ended = execution.ended
    return any(execution.began < harm.ended + UNWRITTEN and ended > harm.began - UNWRITTEN for harm in harms)


def _story(row: int, executions: list[Execution], harms: dict[int, list[Harm]], course: Course) -> str:
    """What is known of a row that ran too often."""
    lines = [f"row {row} ran {len(executions)} times:"]
    for one in executions:
        lines.append(f"    with shift {one.shift} from {one.began:.3f} to {one.ended}")
        lines.append(f"    by worker {one.worker}, which came to harm at:")
        lines += [f"        {harm.began:.3f} to {harm.ended:.3f} {harm.kind}" for harm in harms[one.worker]]
    first, last = executions[0].began - 5, executions[-1].began + 5
    lines += [
        f"    meanwhile, {one.began:.3f} to {one.ended:.3f}: {one.kind}, which hit {one.hit}"
        for one in course.injected
        if one.began < last and one.ended > first
    ]
    return "\n".join(lines)


def report(course: Course, verdict: Verdict) -> str:
    """The figures, and what is wrong."""
    hits = Counter(one.kind for one in course.injected if one.hit != NOTHING)
    kinds = Counter(one.kind for one in course.injected)
    what = Counter(one.hit for one in course.injected)
    lines = [f"{'fault':24}{'injected':>10}{'in flight':>11}"]
    lines += [f"{kind:24}{n:>10}{hits[kind]:>11}" for kind, n in sorted(kinds.items())]
    n = len(course.injected)
    shifts = [len(several) - 1 for several in verdict.shifts.values()]
    lines += [
        f"{'all':24}{n:>10}{hits.total():>11}  ({hits.total() / max(1, n):.0%})",
        "hit: " + ", ".join(f"{hit} {n}" for hit, n in what.most_common()),
        f"{course.seconds:.0f} s; jobs {course.jobs}, executions {verdict.executions}, repeated {verdict.repeated}",
        f"failed jobs run again {course.reruns}; jobs asked to run again as they were {verdict.asked.total()}",
        f"jobs that were given other parameters {sum(map(bool, shifts))}, together {sum(shifts)} times",
        f"lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, stuck {len(verdict.stuck)}",
    ]
    lines += [f"could not be injected: {reason}" for reason in course.refused[:EXAMPLES]]
    for complaints in (verdict.lost, verdict.doubled, verdict.stuck):
        lines += complaints[:EXAMPLES]
    return "\n".join(lines)
