"""Plan subscriptions and their invoices. The version before runs on it, too: it knows neither."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_subscription",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("plan_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor_subscription_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("payment_method", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("return_url", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("return_to", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("period_end", db.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("ended_because", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("failure_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("failure_message", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("authorisation_url", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("state_hash"),
    )
    with op.batch_alter_table("plan_subscription", schema=None) as batch_op:
        batch_op.create_index("ix_plan_subscription_user_id", ["user_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_plan_subscription_vendor_subscription_id"), ["vendor_subscription_id"], unique=False
        )
        batch_op.create_index(
            "uq_plan_subscription_open",
            ["user_id"],
            unique=True,
            sqlite_where=sa.text("status <> 'ENDED'"),
            postgresql_where=sa.text("status <> 'ENDED'"),
        )

    op.create_table(
        "plan_invoice",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subscription_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor_invoice_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("number", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("period_start", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("period_end", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["plan_subscription.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("vendor_invoice_id"),
    )
    with op.batch_alter_table("plan_invoice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_invoice_subscription_id"), ["subscription_id"], unique=False)
