"""Indexes on tables that may be large when a migration comes."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op

# Built in well under a second, in which the table takes no writes.
_FEW: Final = 10_000


def create_index(name: str, table: str, columns: Sequence[str], where: str | None = None) -> None:
    """Create an index, unless that would close a large table of PostgreSQL for the time of the building.

    There it is left to `db.indexes`, which builds it after the migrations' transaction while the table is written to.
    """
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        probe = sa.select(sa.literal(1)).select_from(sa.table(table)).offset(_FEW).limit(1)
        if connection.execute(probe).first() is not None:
            return
    condition = sa.text(where) if where is not None else None
    op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)
