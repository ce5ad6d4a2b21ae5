"""Moves from one vendor to another, and who consented to them. The version before knows nothing of them."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vendor_move",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("port", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("from_vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("to_vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("began_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("stopped_because", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("port", "from_vendor", "to_vendor"),
    )
    op.create_table(
        "vendor_move_consent",
        sa.Column("move_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("given_at", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("from_reference", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("to_reference", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("moved_at", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["move_id"],
            ["vendor_move.id"],
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user.id"],
        ),
        sa.PrimaryKeyConstraint("move_id", "user_id"),
    )
    with op.batch_alter_table("vendor_move_consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vendor_move_consent_user_id"), ["user_id"], unique=False)
