"""Lines are paired by content, and what cannot be read is put aside. The version before runs on it, too."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "put_aside",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("bank_link_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("why", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("content_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("put_aside_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["bank_account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["bank_link_id"],
            ["bank_link.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("put_aside", schema=None) as batch_op:
        batch_op.create_index("ix_put_aside_bank_link_digest", ["bank_link_id", "digest"], unique=False)

    with op.batch_alter_table("bank_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("statement_read_at", db.columns.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("has_whole_statement", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("unreadable_items", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("bank_link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unreadable_accounts", sa.Integer(), server_default="0", nullable=False))

    # PostgreSQL has named the constraint, SQLite has not.
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    convention = None if is_postgresql else {"uq": "uq_%(table_name)s"}
    unique = "bank_transaction_account_id_vendor_transaction_id_key" if is_postgresql else "uq_bank_transaction"
    with op.batch_alter_table("bank_transaction", schema=None, naming_convention=convention) as batch_op:
        batch_op.drop_constraint(unique, type_="unique")
        batch_op.add_column(sa.Column("entry_reference", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.add_column(sa.Column("missed", sa.Integer(), server_default="0", nullable=False))
        batch_op.alter_column("vendor_transaction_id", existing_type=sa.VARCHAR(), nullable=True)
