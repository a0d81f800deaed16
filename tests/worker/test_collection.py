"""What a job collects, with a real database and real workers."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

from services.postgres_server import PostgresServer

from torc_nb import values
from torc_nb.models import JobStatus
from torc_nb.store import resetting
from torc_nb.worker.collection import Collection, pieces

from .conftest import Site, outage

MANY = 25_000


def lines_of(path: Path) -> list[bytes]:
    """All that comes."""
    return [line for piece in pieces(str(path)) for line in piece]


def test_the_list_is_read_while_it_comes(tmp_path: Path) -> None:
    """Whoever reads is given whole lines only, and waits for the end."""
    path = tmp_path / "results"
    path.touch()
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: [read.extend(piece) for piece in pieces(str(path))])
    reader.start()
    with path.open("wb", buffering=0) as file:
        for part in (b'"\xc3', b'\xa9t\xc3\xa9"\nnu', b"ll\n"):
            file.write(part)
            time.sleep(0.02)
        assert read == ['"été"'.encode(), b"null"]
        assert reader.is_alive()
        file.write(b"12\nend\n")
    reader.join(10)
    assert read == ['"été"'.encode(), b"null", b"12"]


def test_a_full_disk_is_told(site: Site, tmp_path: Path) -> None:
    """The worker is told why the list cannot come, not left waiting."""
    site.map(lambda row: row, range(3))
    assert site.run(num_cpus=1) == {"completed": 3}
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    collection = Collection(site.database, site.id, site.jobs()[0].map_id, full)
    site.until(lambda: collection.error is not None)
    assert isinstance(collection.error, OSError)
    assert collection.error.errno == errno.ENOSPC


def test_results_of_a_map_of_which_nothing_is_there(site: Site, tmp_path: Path) -> None:
    """An empty list is a list."""
    map_id = site.map(lambda row: row, range(3))
    assert lines_of(Collection(site.database, site.id, map_id, tmp_path / "results").path) == []


def test_an_outage_is_waited_for(postgres_server: PostgresServer, far_site: Site, tmp_path: Path) -> None:
    """The list comes when the database is back."""
    map_id = far_site.map(lambda row: row, range(3))
    assert far_site.run(num_cpus=1) == {"completed": 3}
    with outage(postgres_server, far_site):
        collection = Collection(far_site.database, far_site.id, map_id, tmp_path / "results")
        time.sleep(0.7)
        assert collection.path.read_bytes() == b""
    assert lines_of(collection.path) == [b"0", b"1", b"2"]
    assert collection.error is None


def test_a_job_begins_before_its_list_is_there(far_site: Site) -> None:
    """It is handed out at once; the list, in the order of the rows, follows."""
    far_site.map(lambda row: row, range(MANY), postprocess=lambda found: found == list(range(MANY)))
    assert far_site.run(num_cpus=2) == {"completed": MANY + 1}
    postprocess = next(job.id for job in far_site.jobs() if job.collects)
    resetting.rerun(far_site.database, far_site.id, [JobStatus.COMPLETED], [postprocess])
    with far_site.database.write() as connection:
        connection.exec_driver_sql("LOCK TABLE results IN ACCESS EXCLUSIVE MODE")
        worker = far_site.worker(num_cpus=1)
        far_site.until(lambda: far_site.statuses().get("running") == 1)
        time.sleep(0.2)
        assert far_site.statuses().get("running") == 1
    assert worker.wait(40) == 0
    assert far_site.result(postprocess).attempt == 2
    assert values.decode(far_site.result(postprocess).value) is True
