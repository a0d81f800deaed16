"""What a worker's loop wants of the database, and what that said, handed from thread to thread."""

from __future__ import annotations

from dataclasses import dataclass, field

from torc_nb.models import Claim
from torc_nb.worker.appetite import Appetite


@dataclass
class News:
    """What the database said since the worker last asked."""

    claims: list[Claim] = field(default_factory=list)
    cancel: list[tuple[int, int]] = field(default_factory=list)
    show: list[tuple[int, int]] = field(default_factory=list)
    state: str = "started"
    may_get_work: bool = True
    had_lost_lease: bool = False
    stopped: set[int] = field(default_factory=set)  # maps of which nothing further is to begin
    is_suspect: str | None = None  # why it would better leave
    error: BaseException | None = None


@dataclass
class Errand:
    """What the worker's loop wants to be told or asked."""

    begun: list[Claim] = field(default_factory=list)
    given_back: list[Claim] = field(default_factory=list)
    appetite: Appetite | None = None
    was_asked: bool = False  # the appetite is the loop's newest word, be it None
