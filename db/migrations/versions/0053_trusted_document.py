"""Front ends' trusted documents."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    op.create_table(
        "trusted_document",
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("pushed_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    with op.batch_alter_table("trusted_document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trusted_document_last_used_at"), ["last_used_at"], unique=False)
