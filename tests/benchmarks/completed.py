"""Jobs completed by SQL directly, as workers would have left them."""

from __future__ import annotations

from typing import Any

#: One result for each job of the only map, as its worker would have written it.
RESULTS = """
INSERT INTO results (job_id, attempt, run_id, status, return_code, late, worker_id, function_id, fingerprint, started,
    seconds, cpu_seconds, peak_memory, value, log_offset, stdout_bytes, stderr_bytes)
SELECT jobs.id, {attempt}, {attempt}, 5, 0, {false}, 1, maps.function_id, {fingerprint}, 1.0, 1.0, 1.0, 100000000,
    {value}, 0, 0, 0
FROM jobs JOIN maps ON maps.id = jobs.map_id JOIN functions ON functions.id = maps.function_id
WHERE jobs.workflow_id = {workflow}
"""
#: What each job returned, where nothing else is said: as SQL.
VALUE = """'{"total":0.5}'"""
COMPLETED = "UPDATE jobs SET status = 5, attempt = {attempt}, result_attempt = {attempt} WHERE workflow_id = {workflow}"
COUNTED = "UPDATE job_counts SET status = 5 WHERE workflow_id = {workflow} AND n <> 0"


def words_of(database: Any, workflow_id: int, attempt: int = 1, value: str = VALUE) -> dict[str, Any]:
    """What statements are to be filled in with: the databases write some of it in their own ways."""
    return {
        "workflow": workflow_id,
        "attempt": attempt,
        "value": value,
        "false": "0" if database.is_sqlite else "false",
        "other": "zeroblob(16)" if database.is_sqlite else r"'\x00000000000000000000000000000000'::bytea",
        "fingerprint": "CAST(jobs.params_digest || functions.digest AS BLOB)"
        if database.is_sqlite
        else "jobs.params_digest || functions.digest",
    }


def complete(database: Any, workflow_id: int, attempts: int = 1, value: str = VALUE) -> None:
    """Complete all jobs of a workflow with one map, so many times."""
    for attempt in range(1, attempts + 1):
        words = words_of(database, workflow_id, attempt, value)
        for statement in (RESULTS, COMPLETED):
            with database.write() as connection:
                connection.exec_driver_sql(statement.format(**words))
    with database.write() as connection:
        connection.exec_driver_sql(COUNTED.format(**words_of(database, workflow_id)))
