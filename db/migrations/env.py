"""Runs a migration over the connection that `db.migrate` hands over."""

from functools import partial

from alembic import context

from db.migrations.prepared import announced, is_compared
from db.tables.all import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
    include_object=partial(is_compared, announced=announced(context.script)),
)
with context.begin_transaction():
    context.run_migrations()
