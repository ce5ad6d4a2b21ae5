"""Lines are held against payments, and what came back is kept. The version before runs on it until money comes back."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("bank_transaction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("matched_as", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.create_index(
            "ix_bank_transaction_unmatched",
            ["account_id"],
            unique=False,
            sqlite_where=sa.text("matched_as IS NULL AND end_to_end_id IS NOT NULL"),
            postgresql_where=sa.text("matched_as IS NULL AND end_to_end_id IS NOT NULL"),
        )

    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("returned_minor", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("returned_on", sa.Date(), nullable=True))
