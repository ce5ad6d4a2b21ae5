"""Plans of a vendor are found by an index. The version before runs on it."""

from db.migrations.indexes import create_index

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    create_index("ix_plan_subscription_vendor", "plan_subscription", ["vendor"])
