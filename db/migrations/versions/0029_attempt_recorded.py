"""A try to pay says when its outcome was stored.

What is not recorded is sent again under its own key, so earlier tries count as recorded.
"""

import sqlalchemy as sa
from alembic import op

import db.columns

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("payment_attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("recorded_at", db.columns.UtcDateTime(timezone=True), nullable=True))
    op.execute("UPDATE payment_attempt SET recorded_at = created_at")
