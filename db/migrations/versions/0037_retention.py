"""What is past its time is found by an index, and so is what names another row. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

from db.columns import UtcDateTime
from db.migrations.indexes import create_index

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None
oldest_code = "0025"

_PURGED_BY = (
    ("account_read", "at"),
    ("bank_transaction", "booking_date"),
    ("consent", "valid_until"),
    ("idempotency_key", "created_at"),
    ("login_attempt", "expires_at"),
    ("notification", "created_at"),
    ("payment", "created_at"),
    ("plan_invoice", "created_at"),
    ("put_aside", "put_aside_at"),
    ("session", "expires_at"),
    ("spent_refresh", "spent_at"),
)
_NAMES_ANOTHER_ROW = (
    ("card", "cardholder_id"),
    ("login_attempt", "user_id"),
    ("payment", "debtor_account_id"),
    ("put_aside", "account_id"),
)
_PURGED_IN_PART = (
    ("ix_audit_event_of_no_user", "audit_event", "at", "user_id IS NULL"),
    ("ix_data_export_gone", "data_export", "requested_at", "status IN ('EXPIRED')"),
    ("ix_plan_subscription_ended", "plan_subscription", "created_at", "status IN ('ENDED')"),
    ("ix_upload_gone", "upload", "created_at", "status IN ('REJECTED', 'EXPIRED', 'DELETED')"),
)


def upgrade() -> None:
    with op.batch_alter_table("spent_refresh", schema=None) as batch_op:
        batch_op.add_column(sa.Column("spent_at", UtcDateTime(timezone=True), nullable=True))
    for table, column in (*_PURGED_BY, *_NAMES_ANOTHER_ROW):
        create_index(f"ix_{table}_{column}", table, [column])
    for name, table, column, where in _PURGED_IN_PART:
        create_index(name, table, [column], where)
