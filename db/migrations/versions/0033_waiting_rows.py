"""What waits in a status is found by it. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
oldest_code = "0025"

_WAITING = {
    "payment": ("created_at", "'CREATED', 'AUTHORISATION_REQUIRED', 'SCHEDULED', 'PROCESSING'"),
    "refund": ("created_at", "'PENDING'"),
    "upload": ("created_at", "'PENDING'"),
    "webhook_event": ("received_at", "'RECEIVED', 'PARKED'"),
    "plan_subscription": ("created_at", "'CREATED', 'INCOMPLETE'"),
    "consent": ("created_at", "'AWAITING_AUTHORISATION'"),
}
_BEFORE = {
    "payment": "ix_payment_open",
    "refund": "ix_refund_pending",
    "upload": "ix_upload_pending",
    "webhook_event": "ix_webhook_event_open",
}


def upgrade() -> None:
    for table, name in _BEFORE.items():
        op.drop_index(name, table_name=table)
    for table, (since, statuses) in _WAITING.items():
        where = sa.text(f"status IN ({statuses})")
        op.create_index(f"ix_{table}_waiting", table, ["status", since], sqlite_where=where, postgresql_where=where)
