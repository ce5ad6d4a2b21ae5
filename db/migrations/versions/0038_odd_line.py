"""Why a line fits no payment is kept, for operators."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from db.migrations.indexes import create_index

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("bank_transaction", schema=None) as batch_op:
        batch_op.add_column(sa.Column("odd_because", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    create_index(
        "ix_bank_transaction_odd", "bank_transaction", ["id"], "(matched_as = 'ODD' OR odd_because IS NOT NULL)"
    )
