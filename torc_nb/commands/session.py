"""What one command line means: which database, which workflow, and whom it speaks to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torc_nb.commands.answers import Said

if TYPE_CHECKING:
    from torc_nb.api import Api
    from torc_nb.models import ResourceRequirementsModel, SlurmSchedulerModel, WorkflowModel

Named = TypeVar("Named", "ResourceRequirementsModel", "SlurmSchedulerModel")

#: How many rows a terminal is shown where no limit was given; a DataFrame and JSON have all.
SHOWN = 1000


@dataclass
class Session:
    """One command line.

    Parameters
    ----------
    names : mapping, optional
        The kernel's namespace; None on a command line.
    db, workflow_name, as_json, trust
        The options that every command has, filled in as they are read.
    """

    names: Mapping[str, Any] | None = None
    db: str | None = None
    workflow_name: str | None = None
    as_json: bool = False
    trust: bool = False

    @property
    def in_notebook(self) -> bool:
        """Whether a notebook asks, rather than a terminal or a script."""
        return self.names is not None

    @cached_property
    def api(self) -> Api:
        """The database that is meant; one that does not exist is not made.

        Raises
        ------
        NotFound
            There is none.
        """
        from torc_nb.api import make_api
        from torc_nb.errors import NotFound
        from torc_nb.store.database import parse_url

        chosen = self.database
        url = parse_url(chosen)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
            raise NotFound(
                f"There is no database {url.database} yet. `%torc workflows create NAME` makes it; "
                "--db URL, or the variable TORC_NB_DATABASE_URL, names another one."
            )
        return make_api(chosen, trust=self._is_trusted(chosen))

    def make_api(self) -> Api:
        """Open the database that is meant, making it where it does not exist."""
        from torc_nb.api import make_api

        chosen = self.database
        self.__dict__["api"] = api = make_api(chosen, trust=self._is_trusted(chosen))
        return api

    def _is_trusted(self, chosen: str) -> bool:
        """Whether it was said, here or where the kernel opened it, that whoever wrote the database is trusted."""
        from torc_nb.api import current

        return self.trust or current.is_trusted(chosen)

    @property
    def database(self) -> str:
        """What names the database that is meant; it may not exist yet."""
        from torc_nb.api import places

        return places.find_database(self.db)

    def moved_to(self, url: str) -> None:
        """Mean another database from now on: the one that was current has moved."""
        from torc_nb.api import current, make_api

        self.db = url
        current.follow(make_api(url))

    def workflow(self, given: str | None = None) -> WorkflowModel:
        """Return the workflow that is meant: given as argument, by ``-w``, the current one, or the only one.

        Raises
        ------
        InvalidRequest
            It is not clear which; the message lists them.
        """
        from torc_nb.api import current

        return current.workflow(self.api, given if given is not None else self.workflow_name)

    def one_of(self, known: Sequence[Named], given: str, what: str) -> Named:
        """Return the record that a name or an id means.

        Raises
        ------
        NotFound
            None, or more than one of that name; the message lists them.
        """
        from torc_nb.errors import NotFound

        found = [one for one in known if one.name == given] or [one for one in known if str(one.id) == given]
        if len(found) == 1:
            return found[0]
        there = ", ".join(f"{one.name} ({one.id})" for one in known) or "none"
        count = "no" if not found else "more than one"
        raise NotFound(f"There is {count} {what} {given!r}; there is {there}.")

    def said(self, text: str, workflow: WorkflowModel, *, value: Any = None, **data: Any) -> Said:
        """Answer that something changed, with the workflow and the database in which it did."""
        place = self.place
        facts = {"workflow_id": workflow.id, "workflow": workflow.name, "database": place, **data}
        return Said(f"{text} [{workflow.name} ({workflow.id}) in {place}]", facts, value)

    @property
    def place(self) -> str:
        """The database as users know it: a file's path, or a URL without its password."""
        return self.api.database.place

    def limit(self, asked: int | None) -> int | None:
        """How many rows to fetch: those asked for (0: all), on a terminal not more than a screen can bear."""
        if asked is not None:
            return asked or None
        return None if self.in_notebook or self.as_json else SHOWN

    def confirm(self, question: str, again: str) -> None:
        """Ask before something is lost, where somebody can answer.

        Raises
        ------
        InvalidRequest
            Nobody can; the message has what to type.
        click.Abort
            The answer was no.
        """
        if self.in_notebook or not sys.stdin.isatty():
            from torc_nb.errors import InvalidRequest

            raise InvalidRequest(f"{question} Nothing was done; to do it: {again}")
        click.confirm(question, abort=True, err=True)

    def close(self) -> None:
        """Give the database's connections back; whoever kept the Api gets new ones."""
        if "api" in self.__dict__:
            self.api.database.close()
