"""Payments are found by a text and by their execution dates. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from db.migrations.indexes import create_index

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("search_text", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    create_index("ix_payment_unfolded", "payment", ["user_id"], "search_text IS NULL")
    create_index("ix_payment_scheduled", "payment", ["user_id", "scheduled_for", "id"], "scheduled_for IS NOT NULL")
