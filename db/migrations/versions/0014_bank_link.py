"""A user's tie to a bank is called a bank link. Stop the version before first: it does not know the new names."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INDEXES = (
    ("bank_link", "ix_bank_connection_user_id", "ix_bank_link_user_id", ["user_id"]),
    ("account_read", "ix_account_read_connection_day", "ix_account_read_bank_link_day", ["bank_link_id", "day"]),
    ("bank_account", "ix_bank_account_connection_id", "ix_bank_account_bank_link_id", ["bank_link_id"]),
    ("consent", "ix_consent_connection_id", "ix_consent_bank_link_id", ["bank_link_id"]),
)


def upgrade() -> None:
    op.rename_table("bank_connection", "bank_link")
    for table in ("account_read", "bank_account", "consent"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN connection_id TO bank_link_id")
    for table, before, after, columns in _INDEXES:
        op.drop_index(before, table_name=table)
        op.create_index(after, table, columns)
    text = """replace(CAST(notification_preferences AS TEXT), '"bank_connections"', '"bank_links"')"""
    json = f"CAST({text} AS JSON)" if op.get_bind().dialect.name == "postgresql" else text
    op.execute(f'UPDATE "user" SET notification_preferences = {json} WHERE notification_preferences IS NOT NULL')
    op.execute("UPDATE user_event SET kind = 'BANK_LINK' WHERE kind = 'BANK_CONNECTION'")
