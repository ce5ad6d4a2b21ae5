"""What a user must see to give a consent in the bank's app is kept encrypted, with its end. Older releases run on it."""

import sqlalchemy as sa
from alembic import op

import db.columns

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("authorisation_encrypted", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("authorisation_expires_at", db.columns.UtcDateTime(timezone=True), nullable=True))
