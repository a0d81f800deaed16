"""Answers that are kept for views that ask again and again."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from torc_nb.api.seldom import Seldom

DATABASE: Any = SimpleNamespace(url="sqlite://")


class Question:
    """Counts how often it is put."""

    def __init__(self) -> None:
        self.about: list[Hashable] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, _database: object, _workflow_id: int, *about: Hashable) -> int:
        self.about.append(about)
        assert self.may_answer.wait(30)
        return len(self.about)


def test_it_is_put_again_where_something_moved_or_it_is_about_something_else() -> None:
    """What is kept of one is not the answer to another."""
    question = Question()
    seldom = Seldom(question)
    assert [seldom(DATABASE, 1, "a", stands=1, is_over=True) for _ in range(3)] == [1, 1, 1]
    assert seldom(DATABASE, 1, "b", stands=1, is_over=True) == 2
    assert seldom(DATABASE, 2, "a", stands=1, is_over=True) == 3
    assert seldom(DATABASE, 1, "a", stands=2, is_over=True) == 4
    assert question.about == [("a",), ("b",), ("a",), ("a",)]


def test_who_asks_the_same_meanwhile_waits_for_the_answer() -> None:
    """It is put once."""
    question = Question()
    question.may_answer.clear()
    seldom = Seldom(question)
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(seldom, DATABASE, 1, stands=1, is_over=True) for _ in range(4)]
        question.may_answer.set()
        assert [one.result() for one in answers] == [1, 1, 1, 1]


def test_the_oldest_answers_are_forgotten() -> None:
    """Each may be large."""
    question = Question()
    seldom = Seldom(question, most=2)
    for about in "abc":
        seldom(DATABASE, 1, about, stands=1, is_over=True)
    seldom(DATABASE, 1, "c", stands=1, is_over=True)
    seldom(DATABASE, 1, "b", stands=1, is_over=True)
    assert len(question.about) == 3
    seldom(DATABASE, 1, "a", stands=1, is_over=True)
    assert len(question.about) == 4
