"""A timeline's row holds several lines, packed, and fewer indexes. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

from db.migrations.indexes import create_index

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("trace_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("body", sa.LargeBinary(), nullable=True))
    create_index("ix_trace_event_of_payment", "trace_event", ["payment_id"])
    op.drop_index("ix_trace_event_payment", table_name="trace_event")
    op.drop_index("ix_trace_event_at", table_name="trace_event")
