"""A failure is a code and a detail; its text is made at reading. Stop the version before first: it writes the texts."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("payment", "payment_event", "plan_subscription"):
        op.add_column(table, sa.Column("failure_detail", sa.String(), nullable=True))
        op.drop_column(table, "failure_message")
