"""Payments in doubt are found among millions. The version before runs on it, too."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        sqlite, postgresql = sa.text("in_doubt = 1"), sa.text("in_doubt")
        batch_op.create_index("ix_payment_in_doubt", ["id"], sqlite_where=sqlite, postgresql_where=postgresql)
