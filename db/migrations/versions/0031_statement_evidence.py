"""How far back a statement goes, and banks that give our end-to-end ids back, are kept."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    op.create_table(
        "bank_habit",
        sa.Column("bank_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("gives_ids_since", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bank_id", "vendor"),
    )
    with op.batch_alter_table("bank_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("statement_since", sa.Date(), nullable=True))
