"""Statement lines are found by a text. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from db.migrations.indexes import create_index

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("bank_transaction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("search_text", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    create_index("ix_bank_transaction_unfolded", "bank_transaction", ["account_id"], "search_text IS NULL")
