"""User data: what jobs are given and what they return, and records that jobs consume or store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

from torc_nb.api import inputs, inspection, outcomes
from torc_nb.api.inputs import Edit, Modified
from torc_nb.errors import Conflict, InvalidRequest, NotFound
from torc_nb.models import UserDataModel, WorkflowModel
from torc_nb.store import Database, jobs, maps, params, trust, user_data, workflows
from torc_nb.values import Spill, bare, decode, encode, equal, recast, shown, with_part

_UNCHANGED: Any = object()


class UserData:
    """What can be done with user data."""

    database: Database

    def create_user_data(
        self, user_data_: UserDataModel, *, consumed_by: Iterable[int] = (), stored_by: int | None = None
    ) -> UserDataModel:
        """Keep a record of any value, and note which jobs consume it and which one stores it.

        Raises
        ------
        CannotStore
            ``data`` cannot be kept.
        """
        self.database.check_writable()
        workflow = workflows.get(self.database, user_data_.workflow_id)
        text, digest = _stored(workflow, user_data_.data)
        key = user_data.create(
            self.database, user_data_.workflow_id, user_data_.name, text, digest, is_ephemeral=user_data_.is_ephemeral
        )
        for job_id in consumed_by:
            self.relate_user_data(job_id, consumes=[key])
        if stored_by is not None:
            self.relate_user_data(stored_by, stores=[key])
        return user_data_.model_copy(update={"id": key, "rev": 1})

    def relate_user_data(self, job_id: int, *, consumes: Iterable[int] = (), stores: Iterable[int] = ()) -> None:
        """Note that a job consumes records and stores others.

        Raises
        ------
        NotFound
            No such job, or no such record.
        Conflict
            Another job stores one of them.
        """
        jobs.get(self.database, job_id)
        with self.database.write() as connection:
            user_data.relate(connection, job_id, consumes, "consumes")
            user_data.relate(connection, job_id, stores, "stores")

    def get_user_data(self, *path: int | str) -> UserDataModel:
        """Return the user data of a key, with the very objects that are stored.

        Parameters
        ----------
        *path : int
            The key; a workflow's id may stand before it.

        Raises
        ------
        NotFound
            There is none.
        CannotLoad
            A class of its objects is not to be had here.
        """
        key = _key(path)
        record = user_data.get(self.database, key)
        if record is not None:
            return _of_record(record, self._read(record))
        job = self._job_of(key)
        decode = self._decoder(job)
        entry = _output(job, decode) if key % 2 else _input(job, decode)
        if entry is None:
            raise _none_of(key)
        return entry

    get_user_data_key = get_user_data

    def list_user_data(
        self,
        workflow_id: int,
        *,
        job_id: int | None = None,
        relation: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Iterator[UserDataModel]:
        """Give user data in the order of their keys; nothing is unpickled.

        Parameters
        ----------
        job_id : int, optional
            Of one job only.
        relation : {"consumes", "stores"}, optional
            What it consumes or stores only.

        Raises
        ------
        NotFound
            No such job in this workflow.
        """
        workflow = workflows.get(self.database, workflow_id)
        found = (
            self._of_workflow(workflow_id)
            if job_id is None
            else self._of_job(inspection.job_of(self.database, workflow, int(job_id)), relation)
        )
        return islice(found, offset, None if limit is None else offset + limit)

    def _of_workflow(self, workflow_id: int) -> Iterator[UserDataModel]:
        of_jobs = (
            entry
            for job in user_data.of_jobs(self.database, workflow_id)
            for entry in (_input(job, shown), _output(job, shown))
            if entry is not None
        )
        records = (_of_record(one, _shown(one.data)) for one in user_data.records(self.database, workflow_id))
        return merge(of_jobs, records, key=attrgetter("id"))

    def _of_job(self, listed: Any, relation: str | None) -> Iterator[UserDataModel]:
        consumed: Iterable[UserDataModel | None] = ()
        stored: Iterable[UserDataModel | None] = ()
        for job in user_data.of_jobs(self.database, listed.workflow_id, job_id=listed.id):
            consumed = self._consumed(job)
            stored = [_output(job, shown)]
        for name in ("consumes", "stores"):
            if relation in (None, name):
                yield from filter(None, consumed if name == "consumes" else stored)
                rows = user_data.records(self.database, listed.workflow_id, job_id=listed.id, relation=name)
                yield from (_of_record(row, _shown(row.data)) for row in rows)

    def _consumed(self, job: Any) -> Iterator[UserDataModel | None]:
        """What a job is given: parameters of its own, or what other jobs returned."""
        if job.collects is not None:
            others = user_data.of_jobs(self.database, job.workflow_id, map_id=job.collects)
        elif job.source_id is not None:
            others = user_data.of_jobs(self.database, job.workflow_id, job_id=job.source_id)
        else:
            yield _input(job, shown)
            return
        yield from (_output(other, shown) for other in others)

    def modify_user_data(
        self,
        key: int | str,
        data: Any = _UNCHANGED,
        *,
        values: Mapping[str, Any] | None = None,
        add: bool = False,
        rev: int | None = None,
        name: str | None = None,
        is_ephemeral: bool | None = None,
    ) -> Modified:
        """Change what a job is given, or a record.

        A job that has not begun is given the new value; one that runs or has ended runs again with it at the next
        ``reinitialize``. Objects keep their types: plain data given for them is read by their class, or refused.

        Parameters
        ----------
        key : int
            As lists show it.
        data : object, optional
            The whole new value: of a job's input its parameters, alone or in ``{"module", "func", "params"}``. Or a
            ``UserDataModel``, of which ``rev`` is what its reader saw.
        values : mapping, optional
            Parts of the value by their names, as in ``{"mesh": 0.05, "solver.tolerance": 1e-6}``.
        add : bool, default False
            Whether a name that is not there is added.
        rev : int, optional
            The revision on which the change was decided; a newer one is refused.
        name, is_ephemeral : optional
            Of a record.

        Raises
        ------
        Conflict
            Somebody changed it meanwhile; the message shows both values. Nothing was changed.
        InvalidRequest
            It cannot be changed so; the message says what to do.
        NotFound
            There is none of this key.
        """
        self.database.check_writable()
        key = _key((key,))
        if isinstance(data, UserDataModel):
            rev = data.rev or None if rev is None else rev
            name, is_ephemeral = name or data.name, data.is_ephemeral if is_ephemeral is None else is_ephemeral
            data = data.data
        record = user_data.get(self.database, key)
        if record is None:
            return self._modify_input(key, data, values or {}, add, rev)
        facts = {
            "name": name or record.name,
            "is_ephemeral": record.is_ephemeral if is_ephemeral is None else is_ephemeral,
        }
        return self._modify_record(record, data, values or {}, add, rev, facts)

    def put_user_data_key(self, *arguments: Any) -> UserDataModel:
        """Replace user data by a record that was read before; its ``rev`` is what its reader saw.

        Parameters
        ----------
        *arguments
            The key and the ``UserDataModel``; a workflow's id may stand before them.

        Raises
        ------
        Conflict
            Somebody changed it meanwhile.
        """
        *path, model = arguments
        if not isinstance(model, UserDataModel):
            raise InvalidRequest("put_user_data_key takes a key and a UserDataModel, as get_user_data_key returns it.")
        return self.modify_user_data(_key(tuple(path)), model)

    def delete_user_data(self, *path: int | str) -> UserDataModel:
        """Delete a record; what is a job's own goes with the job alone. Returns what it was.

        Raises
        ------
        InvalidRequest
            It is a job's own.
        """
        key = _key(path)
        record = user_data.get(self.database, key)
        if record is None:
            job = self._job_of(key)
            raise InvalidRequest(
                f"User data {key} belongs to job {job.id} and goes with it: map(…, drop=True) removes jobs whose "
                "parameters are gone."
            )
        user_data.remove(self.database, key)
        return _of_record(record, _shown(record.data))

    delete_user_data_key = delete_user_data

    # A map's parameters as a table.

    def map_inputs(self, map_id: int, job_ids: Sequence[int] | None = None) -> Iterator[Sequence[Any]]:
        """Yield (job id, key, status, params, rev) of jobs of a map, by ids in ascending order; of all by default."""
        if job_ids is not None:
            return params.of_jobs(self.database, map_id, job_ids)
        return params.of_map(self.database, maps.get(self.database, map_id).workflow_id, map_id)

    def input_digests(self, workflow_id: int, map_id: int) -> Iterator[tuple[int, bytes]]:
        """Yield (job id, digest of its parameters) of a map's jobs."""
        return params.digests(self.database, workflow_id, map_id)

    def modify_inputs(self, workflow_id: int, function_id: int, edits: Iterable[Edit]) -> params.Outcome:
        """Give jobs that call a function other parameters; what was changed since it was seen is ``stale`` there.

        Up to 5000 of them are written whole or not at all.

        Raises
        ------
        CannotStore
            One cannot be kept; nothing is written.
        """
        self.database.check_writable()
        workflow = workflows.get(self.database, workflow_id)
        encode_ = inputs.Encoder(self.database, workflow, function_id)
        found = [params.Change(edit.job_id, edit.rev, *encode_(edit.job_id, edit.value)) for edit in edits]
        return params.replace(self.database, workflow_id, found)

    def _modify_input(self, key: int, data: Any, values: Mapping[str, Any], add: bool, rev: int | None) -> Modified:
        job = self._job_of(key)
        inputs.check_can_change(key, job)
        decode = self._decoder(job)
        old = decode(job.params)
        new = old if data is _UNCHANGED else inputs.recast_whole(old, inputs.params_of(data, old, job))
        for part, value in values.items():
            new = with_part(new, part, value, add=add)
        inputs.check_call(self.database, job, old, new)
        seen = job.rev if rev is None else rev
        outcome = self.modify_inputs(job.workflow_id, job.function_id, [Edit(job.id, seen, new)])
        if job.id in outcome.stale:
            now = outcome.stale[job.id]
            if now is None:
                raise _none_of(key)
            what = f"User data {key}, the input of job {job.id},"
            raise Conflict(inputs.conflict(what, key, now.rev, seen, decode(now.params), new))
        written = outcome.written[job.id]
        entry = _input(job, lambda _: new)
        assert entry is not None
        entry.rev = written.rev
        return Modified.of(entry, inputs.differences(old, new), inputs.effect(job.id, written), written)

    def _modify_record(
        self, record: Any, data: Any, values: Mapping[str, Any], add: bool, rev: int | None, facts: dict[str, Any]
    ) -> Modified:
        seen = record.rev if rev is None else rev
        old = self._read(record)
        new = old if data is _UNCHANGED else recast(old, data, "data")
        for part, value in values.items():
            new = with_part(new, part, value, add=add)
        if equal(old, new) and facts == {name: getattr(record, name) for name in facts}:
            return Modified.of(_of_record(record, new), [], "")
        if record.rev != seen:
            raise Conflict(inputs.conflict(f"User data {record.id}", record.id, record.rev, seen, old, new))
        text, digest = _stored(workflows.get(self.database, record.workflow_id), new)
        now = user_data.change(self.database, record.id, seen, data=text, digest=digest, **facts)
        consumers = user_data.related(self.database, record.id)["consumes"]
        shown_ = ", ".join(map(str, consumers[:5])) + (", …" if len(consumers) > 5 else "")
        note = f"job(s) {shown_} consume it: `wf.reinitialize()` runs those again that have begun" if consumers else ""
        entry = _of_record(record, new).model_copy(update={**facts, "rev": now})
        return Modified.of(entry, inputs.differences(old, new), note)

    def _read(self, record: Any) -> Any:
        workflow = workflows.get(self.database, record.workflow_id)
        if record.data is None:
            return None
        folder = Path(workflow.files) / "values"
        if self.database.is_copy:
            return bare(record.data, spill_folder=folder)
        return decode(record.data, spill_folder=folder, distrust=trust.doubt(self.database, workflow))

    def _job_of(self, key: int) -> Any:
        """The job whose input or output has this key."""
        try:
            workflow_id = jobs.get(self.database, key // 2).workflow_id
        except NotFound:
            raise _none_of(key) from None
        for job in user_data.of_jobs(self.database, workflow_id, job_id=key // 2):
            return job
        raise _none_of(key)

    def _decoder(self, job: Any) -> outcomes.Decoder:
        workflow = workflows.get(self.database, job.workflow_id)
        return outcomes.Decoder(self.database, workflow, lambda: int(job.function_id))


def input_key(job_id: int) -> int:
    """Return the key under which a job's parameters are shown as user data."""
    return 2 * job_id


def output_key(job_id: int) -> int:
    """Return the key under which a job's result is shown as user data."""
    return 2 * job_id + 1


def _key(path: tuple[int | str, ...]) -> int:
    try:
        return int(path[-1])
    except (IndexError, ValueError, TypeError):
        raise InvalidRequest(f"{path[-1:]} is no key of user data; `%torc user-data list` shows the keys.") from None


def _none_of(key: int) -> NotFound:
    return NotFound(f"There is no user data {key}; `%torc user-data list` shows those there are.")


def _input(job: Any, read: Any) -> UserDataModel | None:
    """A job's parameters with the function that they are for; None where it is given what other jobs return."""
    if job.collects is not None or job.source_id is not None:
        return None
    data = {"module": job.module or "__main__", "func": job.func, "params": read(job.params)}
    return _record(job.workflow_id, input_key(job.id), inspection.job_name(job), data, job.rev)


def _output(job: Any, read: Any) -> UserDataModel:
    """What a job returned; None in it where the job has not completed."""
    name = inspection.job_name(job)
    name = f"output_{name}" if job.collects is None else f"{name}_result"
    data = None if job.value is None else read(job.value)
    return _record(job.workflow_id, output_key(job.id), name, data, job.result_attempt or 0)


def _of_record(row: Any, data: Any) -> UserDataModel:
    return _record(row.workflow_id, row.id, row.name, data, row.rev, is_ephemeral=row.is_ephemeral)


def _record(workflow_id: int, key: int, name: str, data: Any, rev: int, *, is_ephemeral: bool = False) -> UserDataModel:
    # Not validated: a million of them are listed.
    return UserDataModel.model_construct(
        id=key, workflow_id=workflow_id, name=name, data=data, rev=rev, is_ephemeral=is_ephemeral
    )


def _shown(text: str | None) -> Any:
    return None if text is None else shown(text)


def _stored(workflow: WorkflowModel, value: Any) -> tuple[str | None, bytes | None]:
    if value is None:
        return None, None
    text, digest, _ = encode(value, spill=Spill(Path(workflow.files) / "values"), name="data")
    return text, digest
