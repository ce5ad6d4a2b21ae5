"""A payment may have several disputes. The version before may run on it until there is a second one."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_NAMES = {"uq": "uq_%(table_name)s_%(column_0_name)s"}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("dispute", naming_convention=_NAMES) as batch:
            batch.drop_constraint("uq_dispute_payment_id", type_="unique")
    else:
        op.drop_constraint("dispute_payment_id_key", "dispute", type_="unique")
    op.create_index(op.f("ix_dispute_payment_id"), "dispute", ["payment_id"])
