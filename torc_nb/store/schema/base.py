"""What all tables share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

#: The newest migration; a database that names a revision unknown to this version is refused.
REVISION = "0001"

#: Big integers everywhere; SQLite numbers rows by itself only in a column typed INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()
