"""A booked line that the bank withdraws is found, and its payment is put before operators."""

import sqlalchemy as sa
from alembic import op

import db.columns
from db.migrations.indexes import create_index

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("withdrawn_since", db.columns.UtcDateTime(timezone=True), nullable=True))
    create_index("ix_payment_withdrawn", "payment", ["id"], "withdrawn_since IS NOT NULL")
    create_index(
        "ix_bank_transaction_withdrawn",
        "bank_transaction",
        ["account_id"],
        "(missed >= 2 AND matched_as IN ('DEBIT', 'RETURN'))",
    )
