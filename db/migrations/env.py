"""Runs a migration over the connection that `db.migrate` hands over."""

from alembic import context

from db.tables.all import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
