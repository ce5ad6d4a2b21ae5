"""The database says which releases run on it, and an index that was edited later is alike everywhere.

Releases before this one take no revision but their own: stop them first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    op.add_column("alembic_version", sa.Column("oldest_code", sa.String(32), nullable=True))

    # SQLite compares the text of a partial index with that of a query: the index of older databases is never used.
    op.drop_index("ix_payment_in_doubt", table_name="payment", if_exists=True)
    sqlite, postgresql = sa.text("in_doubt = 1"), sa.text("in_doubt")
    op.create_index("ix_payment_in_doubt", "payment", ["id"], sqlite_where=sqlite, postgresql_where=postgresql)
