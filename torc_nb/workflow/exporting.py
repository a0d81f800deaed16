"""A workflow written to one file that a colleague can read: with torc_nb, with any reader of Parquet, or by eye."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson

from torc_nb.api import Api, Summary, archives, inspection, make_api
from torc_nb.errors import InvalidRequest
from torc_nb.frames import parquet
from torc_nb.frames.decoding import Decode
from torc_nb.models import JobStatus, WorkflowModel
from torc_nb.models.quantities import counted, format_memory
from torc_nb.values import brief
from torc_nb.workflow import workshop
from torc_nb.workflow.readme import Contents, Table, readme

_WHOLE = "whole"
#: How hard what is no Parquet is compressed: little is nearly as small, and several times as quick.
_LEVEL = 1


class Exported(NamedTuple):
    """What was written: where, how many jobs there are, how many large values go with them, and their size in bytes."""

    path: Path
    jobs: int
    large: int
    large_bytes: int

    @property
    def sentence(self) -> str:
        """What was done, as one is told."""
        size = format_memory(self.path.stat().st_size)
        with_large = f", {counted(self.large, 'large value')} of {format_memory(self.large_bytes)} with it"
        large = with_large if self.large else ""
        return f"Exported {counted(self.jobs, 'job')} to {self.path} ({size}{large})"


def export(
    api: Api, workflow_id: int, path: str | os.PathLike[str], *, files: bool, logs: bool, overwrite: bool
) -> Exported:
    """Write a workflow as it stands at one moment; the file appears when all of it is there.

    Raises
    ------
    InvalidRequest
        There is a file already, or it cannot be written; or this user may not read the large values.
    MissingPackage
        pyarrow is not installed.
    NotFound
        There is no such workflow.
    """
    parquet.check_installed()
    workflow = api.get_workflow(workflow_id)
    target = Path(path).expanduser().absolute()
    if target.suffix != ".zip":
        raise InvalidRequest(
            f"{target.name!r} is no name of a zip file, which is what is written: {target.stem.partition('.')[0]}.zip. "
            "What another database takes in is written by `%torc workflows export FILE.jsonl.gz`."
        )
    if target.is_dir():
        raise InvalidRequest(f"{target} is a folder: name a file in it, {target / (workflow.name + '.zip')}.")
    if target.exists() and not overwrite:
        raise InvalidRequest(f"There is a file {target} already; overwrite=True (`--overwrite`) replaces it.")
    try:
        with workshop.beside(target) as work:
            return _write(api, workflow, target, work, files=files, logs=logs)
    except PermissionError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(workflow.files):
            raise _not_written(target, error) from error
        raise InvalidRequest(
            f"The large values and logs of {workflow.name} are files that you may not read: {error.filename}. "
            "files=False (`--no-files`) exports it without."
        ) from error
    except OSError as error:
        raise _not_written(target, error) from error


def _not_written(target: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"{target} cannot be written, and nothing of it is left: {error.strerror or error}.")


def _write(api: Api, workflow: WorkflowModel, target: Path, work: Path, *, files: bool, logs: bool) -> Exported:
    """Make all parts beside the target, of one copy, so that they agree; then put them together."""
    assert workflow.id is not None
    api.extract(workflow.id, work / archives.DATABASE)
    moment = datetime.now(UTC)
    copy = make_api(work / archives.DATABASE)
    try:
        decode = partial(brief, spill_folder=Path(workflow.files) / "values" if files else None)
        tables = list(_tables(copy, workflow.id, work, decode))
        summary = copy.summary(workflow.id)
        code = dict(_code(copy, summary))
    finally:
        copy.database.close()
    large = _found(Path(workflow.files), "values/*/*", archives.VALUES) if files else {}
    printed = _found(Path(workflow.files), "logs/*", archives.LOGS) if logs else {}
    found = Contents(summary, tables, list(code), moment, list(large.values()), bool(printed), files)
    texts = {
        "README.txt": readme(found),
        archives.MANIFEST: _json(archives.manifest(workflow.name, moment)),
        "summary.json": _json({"exported": moment.isoformat(timespec="seconds"), **summary.plain()}),
        **code,
    }
    _put_together(work, texts, [table.file for table in tables], Path(workflow.files), [*large, *printed])
    (work / _WHOLE).replace(target)
    return Exported(target, sum(summary.statuses.values()), len(large), sum(large.values()))


def _put_together(work: Path, texts: Mapping[str, str], tables: list[str], folder: Path, files: list[Path]) -> None:
    """Write the file, so that it survives a power cut."""
    with os.fdopen(os.open(work / _WHOLE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL, strict_timestamps=False) as archive:
            for name, text in texts.items():
                archive.writestr(name, text.encode("utf-8", "backslashreplace"))
            for table in tables:
                archive.write(work / table, table, compress_type=zipfile.ZIP_STORED)  # it is compressed already
            archive.write(work / archives.DATABASE, archives.DATABASE)
            for path in files:
                with suppress(FileNotFoundError):  # what nobody asks for any more may be cleaned away meanwhile
                    archive.write(path, path.relative_to(folder).as_posix())
        file.flush()
        os.fsync(file.fileno())


def _tables(copy: Api, workflow_id: int, work: Path, decode: Decode) -> Iterator[Table]:
    """Write a Parquet file for each map, and one for the single jobs."""
    versions = copy.code_labels(workflow_id)
    listed = [map_ for map_ in copy.list_maps(workflow_id) if not map_.shape.get("of_job")]
    (work / "maps").mkdir()
    for map_, name in zip(listed, _file_names(map_.name for map_ in listed), strict=True):
        file = f"maps/{name}.parquet"
        columns = parquet.write(
            work / file,
            lambda map_=map_: copy.rows_in_order(map_.id),  # type: ignore[misc]
            map_.shape,
            decode,
            versions=versions,
            shown=copy.map_statuses(map_.id),
        )
        yield Table(file, f"the map {map_.name}", columns)
    single = [0, *(map_.id for map_ in copy.list_maps(workflow_id) if map_.shape.get("of_job"))]
    jobs = (job for map_id in single for job in copy.list_jobs(workflow_id, map_id=map_id))
    names = {job.id: orjson.dumps(inspection.job_name(job)).decode() for job in jobs}
    if names:
        columns = parquet.write(
            work / "jobs.parquet",
            lambda: ((row[0], names[row[0]], *row[2:]) for row in copy.rows_of_no_map(workflow_id)),
            {"labelled": True, "index": ["job"]},
            decode,
            versions=versions,
            shown=JobStatus,
        )
        yield Table("jobs.parquet", "jobs of no map, such as postprocess and commands", columns)


def _code(copy: Api, summary: Summary) -> Iterator[tuple[str, str]]:
    """Give the text of each version of each function and its helpers, and those of the local modules it needs."""
    labels = [f"{one.name}-{one.label}" for one in summary.code]
    for one, name in zip(summary.code, _file_names(labels), strict=True):
        function = copy.get_function(one.id)
        texts = dict.fromkeys(text.strip() for text in (function.source, *(one.shown for one in function.ingredients)))
        yield f"code/{name}.py", "\n\n\n".join(texts) + "\n"
        modules = _file_names(module.name for module in function.modules)
        for module, file in zip(function.modules, modules, strict=True):
            yield f"code/{name}-modules/{file}.py", module.content.decode("utf-8", "backslashreplace")


def _found(folder: Path, pattern: str, known: re.Pattern[str]) -> dict[Path, int]:
    """Return the files of a kind in a workflow's folder, with their sizes in bytes."""
    found = {}
    if folder.exists():
        next(folder.iterdir(), None)  # glob would leave out, without a word, what nobody lets it into
    for path in sorted(folder.glob(pattern)):
        if known.fullmatch(path.relative_to(folder).as_posix()):
            with suppress(FileNotFoundError):
                found[path] = path.stat().st_size
    return found


def _file_names(names: Iterable[str]) -> list[str]:
    """Return names that are files' on any system, each once."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.+-]", "_", name.encode("utf-8", "replace").decode())[:80].strip(".") or "_"
        free, number = plain, 1
        while free.lower() in taken:
            number += 1
            free = f"{plain}-{number}"
        taken.add(free.lower())
        found.append(free)
    return found


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
