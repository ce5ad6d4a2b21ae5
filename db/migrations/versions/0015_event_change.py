"""An event says whether its object was created. The version before runs on it, too: what it writes is UPDATED."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("user_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("change", sa.String(), server_default="UPDATED", nullable=False))
