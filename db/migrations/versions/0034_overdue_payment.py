"""When operators were told that no news comes of a payment is kept."""

import sqlalchemy as sa
from alembic import op

import db.columns

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("overdue_since", db.columns.UtcDateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_payment_overdue",
            ["id"],
            unique=False,
            sqlite_where=sa.text("overdue_since IS NOT NULL"),
            postgresql_where=sa.text("overdue_since IS NOT NULL"),
        )
