"""A job that fails by a fault of our own is blocked until another release tries it. The version before may run on it."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("blocked_by", sa.String(), nullable=True))
    op.execute("UPDATE job SET status = 'BLOCKED' WHERE status = 'DEAD'")
