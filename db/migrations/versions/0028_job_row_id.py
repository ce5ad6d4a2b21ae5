"""A job says which row stands still without it. The version before may run on it: its jobs name no row, which costs a
second ask."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
oldest_code = "0025"

_OPEN = {
    "payment": ("ix_payment_open", "created_at", "'CREATED', 'AUTHORISATION_REQUIRED', 'SCHEDULED', 'PROCESSING'"),
    "refund": ("ix_refund_pending", "created_at", "'PENDING'"),
    "upload": ("ix_upload_pending", "created_at", "'PENDING'"),
    "webhook_event": ("ix_webhook_event_open", "received_at", "'RECEIVED', 'PARKED'"),
}
_FIELDS = {
    "payment_id": ("ask_bank", "ask_card_vendor"),
    "refund_id": ("settle_refund",),
    "subscription_id": ("ask_plan_subscription",),
    "consent_id": ("ask_consent",),
    "user_id": ("ask_kyc_vendor",),
    "export_id": ("build_data_export", "expire_data_export"),
    "upload_id": ("expire_upload",),
    "card_id": ("issue_card",),
    "webhook_id": ("process_webhook",),
}


def upgrade() -> None:
    op.add_column("job", sa.Column("row_id", sa.String(), nullable=True))
    for field, kinds in _FIELDS.items():
        listed = ", ".join(f"'{kind}'" for kind in kinds)
        op.execute(f"UPDATE job SET row_id = payload ->> '{field}' WHERE kind IN ({listed})")
    op.create_index("ix_job_row_id", "job", ["row_id", "kind"])
    for table, (name, column, statuses) in _OPEN.items():
        where = sa.text(f"status IN ({statuses})")
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
