"""What an operator says of a payment may take another one's approval."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    op.create_table(
        "payment_resolution",
        sa.Column("payment_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("proposed_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payment.id"],
        ),
        sa.PrimaryKeyConstraint("payment_id"),
    )
