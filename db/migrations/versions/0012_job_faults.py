"""Tries that failed by a fault of our own are counted apart. The version before runs on it, too: it counts all tries."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("job", schema=None) as batch_op:
        # With a default, since processes of the version before insert jobs without it.
        batch_op.add_column(sa.Column("faults", sa.Integer(), nullable=False, server_default="0"))
