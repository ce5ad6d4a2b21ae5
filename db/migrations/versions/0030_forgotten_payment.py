"""A payment that its bank has forgotten is counted, and watched after its end."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sca", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.add_column(sa.Column("unknown_since", db.columns.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("unknown_asks", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("watched_until", sa.Date(), nullable=True))
