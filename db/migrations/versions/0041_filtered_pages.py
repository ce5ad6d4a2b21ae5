"""Filtered pages of payments, jobs of a kind and customers of a vendor are found by an index. Older releases run on it."""

from db.migrations.indexes import create_index

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    create_index("ix_job_kind", "job", ["kind", "status", "due_at"])
    create_index("ix_provider_pin_vendor", "provider_pin", ["port", "vendor"])
    create_index("ix_payment_filtered_page", "payment", ["user_id", "status", "rail", "id"])
