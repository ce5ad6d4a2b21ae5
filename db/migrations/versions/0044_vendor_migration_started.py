"""A vendor migration says when an operator started it. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

import db.columns

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("vendor_move", schema=None) as batch_op:
        batch_op.add_column(sa.Column("started_at", db.columns.UtcDateTime(timezone=True), nullable=True))
    # A migration that has moved a customer was started.
    op.execute(
        "UPDATE vendor_move SET started_at ="
        " (SELECT min(moved_at) FROM vendor_move_consent WHERE move_id = vendor_move.id)"
    )
