"""An app's access token is noted at its first use. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

import db.columns

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("token_used_at", db.columns.UtcDateTime(timezone=True), nullable=True))
