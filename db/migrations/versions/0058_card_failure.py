"""A card that the issuer refused has a reason. The version before runs on it."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None
oldest_code = "0025"


def upgrade() -> None:
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.add_column(sa.Column("failure_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
