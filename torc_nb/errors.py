"""The exception tree. Each message says what happened, to what, and what to type next.

::

    TorcError
    ├── CannotCapture        a function that cannot travel to a worker
    ├── CannotLoad           a stored function that cannot be loaded here
    ├── CannotStore          a value that cannot be kept in the database
    ├── InvalidRequest       an argument that makes no sense, said before anything is changed
    │   └── NotFound         no such workflow, map, job, ...
    ├── DatabaseError
    │   ├── DatabaseTooNew   made by a newer torc_nb
    │   ├── DatabaseElsewhere  an SQLite file opened on another machine
    │   ├── ReadOnly         a copy, or shared by another user, who alone may change it
    │   ├── NotPrivate       others may write it, and so run code as its user
    │   └── DatabaseUnavailable  it does not answer now
    ├── NotTrusted           another user's pickles or code, which nobody said to trust
    ├── Conflict             somebody else changed it meanwhile
    ├── JobFailed            raised where results are iterated
    ├── MapStopped           too many jobs of a map failed, raised where it is waited for
    ├── MissingPackage       an optional package that it takes is not installed
    ├── NotInJob             asked of a job where none runs
    └── LaunchError          Slurm or this machine refused to start a worker
        └── SlurmUnavailable  Slurm is not installed here, or does not answer now

Beside it stands RemoteTraceback: the cause of an exception of the user's own that a worker's process raised.
"""

from __future__ import annotations


class TorcError(Exception):
    """Base of every error that torc_nb raises on purpose."""


class CannotCapture(TorcError):
    """A function, or something it uses, cannot travel to a worker."""


class CannotLoad(TorcError):
    """A stored function cannot be loaded in this process."""


class CannotStore(TorcError):
    """A parameter or result cannot be kept in the database."""


class InvalidRequest(TorcError, ValueError):
    """An argument that makes no sense; nothing was changed."""


class NotFound(InvalidRequest, LookupError):
    """No workflow, map, job or record of that name."""


class DatabaseError(TorcError):
    """The database cannot be used."""


class DatabaseTooNew(DatabaseError):
    """The database was written by a newer torc_nb."""


class DatabaseElsewhere(DatabaseError):
    """An SQLite file belongs to another machine."""


class ReadOnly(DatabaseError):
    """It is a copy to look at, or another user's database, shared to be read, which that user alone may change."""


class DatabaseUnavailable(DatabaseError):
    """The database does not answer at the moment."""


class NotPrivate(DatabaseError):
    """A file or folder of a database may be written by others, who could so run code as its user."""


class NotTrusted(TorcError):
    """What would run another user's code was asked for, and nobody said to trust that user."""


class Conflict(TorcError):
    """Somebody else changed it meanwhile."""


class JobFailed(TorcError):
    """A mapped call failed; raised where its result is asked for."""


class MapStopped(TorcError):
    """So many jobs of a map have failed that no further one begins; raised where it is waited for."""


class RemoteTraceback(Exception):
    """The cause of an exception that a worker's process raised: where it was raised there."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


class NotInJob(TorcError):
    """No job runs in this process that could tell of itself."""


class MissingPackage(TorcError, ImportError):
    """What was asked for takes a package that is not installed."""


class LaunchError(TorcError):
    """A worker could not be started."""


class SlurmLimit(LaunchError):
    """Slurm takes no more of this user's jobs for now, or not so many at once."""


class SlurmUnavailable(LaunchError):
    """Slurm is not installed here, or its controller does not answer at the moment."""
