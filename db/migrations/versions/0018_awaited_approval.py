"""What a user must see to approve a payment is kept encrypted, with its end. The version before runs on it, too."""

import sqlalchemy as sa
from alembic import op

import db.columns

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("authorisation_encrypted", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("authorisation_expires_at", db.columns.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("cancellation_encrypted", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("cancellation_expires_at", db.columns.UtcDateTime(timezone=True), nullable=True))
