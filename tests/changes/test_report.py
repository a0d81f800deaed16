"""What a reinitialize says."""

from __future__ import annotations

import pytest

from torc_nb.changes import Report


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (Report(100, 0, 0, 0, 1), "nothing changed: none of 100 jobs runs again"),
        (Report(100, 0, 0, 0, 1, is_dry_run=True), "nothing changed: none of 100 jobs would run again"),
        (
            Report(10_000, 3, 1, 312, 4, {"parameter changed": 1, "code changed": 2}),
            (
                "3 of 10,000 jobs are ready again (1 parameter changed, 2 code changed), 1 waits; run id 4; "
                "312 failed jobs are unaffected: wf.rerun(status='failed') runs them again"
            ),
        ),
        (
            Report(5, 1, 2, 1, 2, {"parameter changed": 1, "code changed": 0}),
            (
                "1 of 5 jobs is ready again (1 parameter changed), 2 wait; run id 2; "
                "1 failed job is unaffected: wf.rerun(status='failed') runs it again"
            ),
        ),
        (
            Report(5, 5, 1, 0, 2, {"code changed": 5}, is_dry_run=True),
            "5 of 5 jobs would be ready again (5 code changed), 1 would wait; run id 2",
        ),
        (
            Report(5, 0, 0, 2, 1),
            (
                "nothing changed: none of 5 jobs runs again; "
                "2 failed jobs are unaffected: wf.rerun(status='failed') runs them again"
            ),
        ),
    ],
)
def test_the_sentence(report: Report, sentence: str) -> None:
    """One line: how many, why, what waits, and what is left to be done by hand."""
    assert report.sentence() == sentence
    assert list(report.rows()) == []
