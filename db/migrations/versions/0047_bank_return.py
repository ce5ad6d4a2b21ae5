"""A return from a bank's page is kept for the user who began it. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    op.create_table(
        "bank_return",
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("query_encrypted", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("expires_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("taken_at", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user.id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    with op.batch_alter_table("bank_return", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bank_return_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_bank_return_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_bank_return_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("has_page", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("begun_in_app", sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("begun_in_app", sa.Boolean(), server_default=sa.false(), nullable=False))
