"""What follows from jobs: who collects, awaits or reads what they make, on to the last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select

from torc_nb.store import blockers, schema
from torc_nb.store.database import Database
from torc_nb.store.idsets import Ids, among

_jobs = schema.jobs
_of_jobs = schema.job_dependencies
_of_maps = schema.map_dependencies
_user_data = schema.job_user_data
_files = schema.job_files

#: How many jobs are looked at together.
PIECE = 5000


@dataclass
class Downstream:
    """What follows from some jobs.

    Attributes
    ----------
    jobs
        Every job that follows, those of whole maps included.
    maps
        Maps that wait for a whole map of which a job is among these, and that map.
    behind
        Maps that wait for one of these jobs, and that job.
    causes
        For jobs that wait for jobs or read what they made: one of those. A job that takes another's result is not
        named here: its source tells.
    first
        For each map with jobs among these, or among those that one began with: its first, and how many they are.
    collected
        For jobs that wait for a whole map: that map.
    upstream
        Jobs that have to run again before, as what they made was not to last.
    """

    jobs: Ids = field(default_factory=Ids)
    maps: dict[int, int] = field(default_factory=dict)
    behind: dict[int, int] = field(default_factory=dict)
    causes: dict[int, int] = field(default_factory=dict)
    first: dict[int, tuple[int, int]] = field(default_factory=dict)
    collected: dict[int, int] = field(default_factory=dict)
    upstream: Ids = field(default_factory=Ids)

    def holds(self, map_id: int) -> bool:
        """Whether a map follows as a whole: it is held, and its jobs stand as ready."""
        return map_id in self.maps or map_id in self.behind


def of(database: Database, beginning: Ids) -> Downstream:
    """Follow all relations from some jobs to the end."""
    found = Downstream()
    with database.read() as connection:
        _Walk(connection, found).walk(beginning)
    return found


class _Walk:
    """One walk along the relations; those of which the database has none are not asked for."""

    def __init__(self, connection: Connection, found: Downstream) -> None:
        self._connection = connection
        self._found = found
        self._seen = Ids()
        self._has_sources = self._any(_jobs.c.source_id, _jobs.c.source_id.is_not(None))
        self._has_followers = self._any(_of_jobs.c.job_id)
        self._has_readers = self._any(_user_data.c.job_id)
        self._has_needed_files = self._any(_files.c.job_id)

    def walk(self, beginning: Ids) -> None:
        """Follow the relations; whatever is found is followed in turn."""
        frontier = beginning
        while len(frontier):
            following = Ids()
            for piece in frontier.pieces(PIECE):
                new = [job_id for job_id in piece if self._seen.add(job_id)]
                for job_id in self._after(new) if new else ():
                    if self._found.jobs.add(job_id) and job_id not in self._seen:
                        following.add(job_id)
                for job_id in self._makers_of_ephemeral(new) if self._has_readers and new else ():
                    if job_id not in self._seen and self._found.upstream.add(job_id):
                        following.add(job_id)
            frontier = following

    def _after(self, piece: Sequence[int]) -> Iterator[int]:
        yield from self._of_their_maps(piece)
        if self._has_sources:
            yield from self._connection.scalars(select(_jobs.c.id).where(self._among(_jobs.c.source_id, piece)))
        if self._has_followers:
            yield from self._noted(_of_jobs.c.job_id, _of_jobs.c.blocked_by, piece)
        if self._has_readers:
            yield from self._related(_user_data, _user_data.c.user_data_id, "stores", "consumes", piece)
        if self._has_needed_files:
            yield from self._related(_files, _files.c.file_id, "produces", "needs", piece)

    def _of_their_maps(self, piece: Sequence[int]) -> Iterator[int]:
        """Give what waits for the whole maps of these jobs."""
        counted = self._connection.execute(
            select(_jobs.c.map_id, func.min(_jobs.c.id), func.count())
            .where(self._among(_jobs.c.id, piece), _jobs.c.map_id != 0)
            .group_by(_jobs.c.map_id)
        ).all()
        new = []
        for map_id, first, n in counted:
            if map_id not in self._found.first:
                new.append(map_id)
            known, n_known = self._found.first.get(map_id, (first, 0))
            self._found.first[map_id] = (min(known, first), n_known + n)
        edges = self._connection.execute(
            select(_of_maps).where(_of_maps.c.blocked_by_map_id.in_(new), _of_maps.c.each.is_(False))
        ).all()
        for edge in edges:
            if edge.job_id is not None:
                self._found.collected.setdefault(edge.job_id, edge.blocked_by_map_id)
                yield edge.job_id
            elif not self._found.holds(edge.map_id):
                self._found.maps[edge.map_id] = edge.blocked_by_map_id
                yield from self._whole(edge.map_id)
        for map_id, before in blockers.behind(self._connection, piece).items():
            if not self._found.holds(map_id):
                self._found.behind[map_id] = before
                yield from self._whole(map_id)

    def _whole(self, map_id: int) -> Iterable[int]:
        return self._connection.scalars(
            select(_jobs.c.id)
            .where(_jobs.c.map_id == map_id, self._same_workflow(map_id))
            .execution_options(yield_per=PIECE)
        )

    def _same_workflow(self, map_id: int) -> ColumnElement[bool]:
        """The condition on a map's workflow, without which the index of a map's jobs is of no use."""
        maps = schema.maps
        return _jobs.c.workflow_id == select(maps.c.workflow_id).where(maps.c.id == map_id).scalar_subquery()

    def _noted(self, follower: ColumnElement[int], cause: ColumnElement[int], piece: Sequence[int]) -> Iterator[int]:
        for job_id, before in self._connection.execute(select(follower, cause).where(self._among(cause, piece))):
            self._found.causes.setdefault(job_id, before)
            yield job_id

    def _related(
        self, table: Table, through: ColumnElement[int], makes: str, takes: str, piece: Sequence[int]
    ) -> Iterator[int]:
        maker, taker = table.alias("maker"), table.alias("taker")
        rows = self._connection.execute(
            select(taker.c.job_id, maker.c.job_id)
            .join(maker, maker.c[through.name] == taker.c[through.name])
            .where(self._among(maker.c.job_id, piece), maker.c.relation == makes, taker.c.relation == takes)
        )
        for job_id, before in rows:
            self._found.causes.setdefault(job_id, before)
            yield job_id

    def _makers_of_ephemeral(self, piece: Sequence[int]) -> Iterator[int]:
        """Give the jobs that stored what these consume and what does not outlast a run."""
        maker, taker = _user_data.alias("maker"), _user_data.alias("taker")
        data = schema.user_data
        yield from self._connection.scalars(
            select(maker.c.job_id)
            .join(taker, taker.c.user_data_id == maker.c.user_data_id)
            .join(data, and_(data.c.id == maker.c.user_data_id, data.c.is_ephemeral.is_(True)))
            .where(self._among(taker.c.job_id, piece), taker.c.relation == "consumes", maker.c.relation == "stores")
        )

    def _among(self, column: ColumnElement[int], piece: Sequence[int]) -> ColumnElement[bool]:
        return among(self._connection, column, piece)

    def _any(self, column: ColumnElement[int], *conditions: ColumnElement[bool]) -> bool:
        return self._connection.scalar(select(column).where(*conditions).limit(1)) is not None
