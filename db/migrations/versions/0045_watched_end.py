"""An end that was inferred is found as long as it is watched."""

from db.migrations.indexes import create_index

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    create_index("ix_payment_watched", "payment", ["id"], "watched_until IS NOT NULL")
