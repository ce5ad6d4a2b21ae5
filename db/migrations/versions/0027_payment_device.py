"""The device that began a payment, kept where its bank wants it later. The version before runs on it."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("device_encrypted", sa.LargeBinary(), nullable=True))
