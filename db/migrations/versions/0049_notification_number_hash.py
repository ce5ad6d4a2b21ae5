"""SMS are counted by the number that they go to. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from db.migrations.indexes import create_index

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    create_index("ix_notification_number_hash", "notification", ["number_hash", "id"])
