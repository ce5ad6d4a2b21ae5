"""A refund that the vendor did not take has no vendor's id. The version before runs on it, too: it reads both alike."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The empty string was unique: a second refused refund could not be saved.
    op.execute("UPDATE refund SET vendor_refund_id = NULL WHERE vendor_refund_id = ''")
