"""The database: the schema, its migrations and every query. The only layer that imports SQLAlchemy.

Its modules are nouns, imported as such: ``from torc_nb.store import jobs, maps``.
"""

from torc_nb.store.database import Database

__all__ = ["Database"]
