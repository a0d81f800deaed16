"""Says whether anything was lost, doubled or stuck."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from chaos import work
from chaos.faults import NOTHING, Harm
from chaos.harness import Course
from chaos.journal import Execution
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
    asked: Counter[int] = field(default_factory=Counter)  # by row, how often the user had it run again
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
    """Each row has to have one effective result, the right one, and one more each time the user had it run again."""
    api, editor = site.api, site.scene.editor
    effective = Counter(
        one.job_id
        for one in api.list_results(site.workflow_id)
        if one.status == JobStatus.COMPLETED and not one.late
    )  # fmt: skip
    for name, first, count in course.rows:
        map_id = api.get_map(site.workflow_id, name).id
        jobs = {job.row: job for job in api.list_jobs(site.workflow_id, map_id=map_id)}
        values = api.values(map_id, [job.id for job in jobs.values()])
        if sorted(jobs) != list(range(count)):
            verdict.lost.append(f"{name} has {len(jobs)} jobs, not {count}")
        for row, job in jobs.items():
            told, status = f"row {first + row} (job {job.id})", JobStatus(job.status)
            if not status.is_finished:
                verdict.stuck.append(f"{told} is {status.label}; attempt {job.attempt}, worker {job.worker_id}")
            elif values.get(job.id) != work.expected(first + row):
                verdict.lost.append(f"{told} is {status.label} with {values.get(job.id)!r}: {job.note}")
            elif not 1 <= effective[job.id] <= 1 + editor.asked[job.id]:
                asked = f"and was asked to run again {editor.asked[job.id]} times"
                verdict.doubled.append(f"{told} has {effective[job.id]} effective results, {asked}")
            verdict.asked[first + row] = editor.asked[job.id]


def _judge_counts(site: Site, verdict: Verdict) -> None:
    """What is counted while jobs move has to be what is there."""
    counted = {status: n for status, n in site.api.numbers(site.workflow_id).items() if n}
    there = Counter(job.status for job in site.api.list_jobs(site.workflow_id))
    if counted != there:
        verdict.doubled.append(f"the counts say {counted}, and there are {dict(there)}")


def _judge_executions(site: Site, course: Course, verdict: Verdict) -> None:
    """Each row has to have ended once, and to have begun again only where a fault was the reason."""
    executions = site.scene.journal.executions()
    verdict.executions = len(executions)
    by_row: dict[int, list[Execution]] = defaultdict(list)
    for execution in executions:
        by_row[execution.row].append(execution)
    harms: dict[int, list[Harm]] = defaultdict(list)
    for harm in site.scene.harms:
        harms[harm.worker].append(harm)
    for row, several in by_row.items():
        excused = sum(_is_excused(one, harms[one.worker]) for one in several)
        verdict.repeated += len(several) - 1
        if len(several) - excused > 1 + verdict.asked[row]:
            verdict.doubled.append(_story(row, several, harms, course))
    for row in range(course.jobs):
        if not course.timed_out and all(one.ended is None for one in by_row[row]):
            verdict.lost.append(f"row {row} never ran to its end")


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
        lines.append(f"    by worker {one.worker} from {one.began:.3f} to {one.ended}, which came to harm at:")
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
    lines += [
        f"{'all':24}{n:>10}{hits.total():>11}  ({hits.total() / max(1, n):.0%})",
        "hit: " + ", ".join(f"{hit} {n}" for hit, n in what.most_common()),
        f"{course.seconds:.0f} s; jobs {course.jobs}, executions {verdict.executions}, repeated {verdict.repeated}",
        f"failed jobs that were run again {course.reruns}",
        f"lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, stuck {len(verdict.stuck)}",
    ]
    lines += [f"could not be injected: {reason}" for reason in course.refused[:EXAMPLES]]
    for complaints in (verdict.lost, verdict.doubled, verdict.stuck):
        lines += complaints[:EXAMPLES]
    return "\n".join(lines)
