"""A contact that waits for its code goes. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

import db.columns
from db.migrations.indexes import create_index

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("user", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pending_until", db.columns.UtcDateTime(timezone=True), nullable=True))
    create_index("ix_user_pending_until", "user", ["pending_until"])
