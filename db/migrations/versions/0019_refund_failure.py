"""Why a refund failed is a code. Stop the version before first: it reads the text that was."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE refund RENAME COLUMN failure_message TO failure_code")
    refund = sa.table("refund", sa.column("failure_code"))
    text = refund.c.failure_code
    code = sa.case((text == "The card vendor did not take the refund.", "NOT_ACCEPTED"), else_="FAILED")
    op.execute(refund.update().where(text.is_not(None)).values(failure_code=code))
