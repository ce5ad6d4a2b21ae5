"""A webhook names the person whom it is about. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from db.migrations.indexes import create_index

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("webhook_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    create_index("ix_webhook_event_user_id", "webhook_event", ["user_id"])
