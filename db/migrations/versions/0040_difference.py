"""What reconciliation finds to differ is kept. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    op.create_table(
        "difference",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("object_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("our_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("parent", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("theirs", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("ours", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("found_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_at", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("mended_at", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("vendor", "object_kind", "reference"),
    )
    with op.batch_alter_table("difference", schema=None) as batch_op:
        batch_op.create_index(
            "ix_difference_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("mended_at IS NULL"),
            postgresql_where=sa.text("mended_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_difference_mended_at"), ["mended_at"], unique=False)
