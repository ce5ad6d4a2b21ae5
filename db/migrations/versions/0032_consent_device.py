"""The device that asked for a consent, kept while the consent is awaited. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("device_encrypted", sa.LargeBinary(), nullable=True))
