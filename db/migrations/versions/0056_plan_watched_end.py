"""An end of a plan that was inferred is watched. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

from db.migrations.indexes import create_index

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("plan_subscription", schema=None) as batch_op:
        batch_op.add_column(sa.Column("watched_until", sa.Date(), nullable=True))
    create_index("ix_plan_subscription_watched", "plan_subscription", ["id"], "watched_until IS NOT NULL")
