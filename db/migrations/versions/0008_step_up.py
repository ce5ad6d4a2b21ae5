"""When a person last answered BankID. The version before runs on it, too: it asks nobody again."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("authenticated_at", db.columns.UtcDateTime(timezone=True), nullable=True))
    with op.batch_alter_table("login_attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_age_s", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("session_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.add_column(sa.Column("authenticated_at", db.columns.UtcDateTime(timezone=True), nullable=True))
