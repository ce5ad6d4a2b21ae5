"""Sessions that run out are found by indexes, and a month of the trail is dropped at a bounded cost.

The version before runs on it.
"""

import sqlalchemy as sa
from alembic import op

from db.migrations.indexes import create_index

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None
oldest_code = "0025"

# With its owner's rights, as before. What is dropped, and how far the base moves, is the batch and no more: it is looked
# at alone, however many seals there are.
_DROP = """CREATE OR REPLACE FUNCTION audit_drop(upto bigint, at timestamptz, at_most integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = :schema, pg_temp AS $$
  DECLARE last bigint; youngest timestamptz; gone text[]; BEGIN
  SELECT max(number), max(sealed_at) INTO last, youngest FROM (
    SELECT number, sealed_at FROM audit_seal WHERE number <= upto ORDER BY number LIMIT at_most) batch;
  IF last IS NULL THEN RETURN 0; END IF;
  IF session_user <> current_user AND youngest > now() - interval '5 years'
    THEN RAISE EXCEPTION 'the audit trail is kept for five years'; END IF;
  INSERT INTO audit_base (number, hash, dropped_at)
    SELECT number, hash, at FROM audit_seal WHERE number = last ON CONFLICT DO NOTHING;
  WITH dropped AS (DELETE FROM audit_seal WHERE number <= last RETURNING event_id)
    SELECT coalesce(array_agg(event_id), '{}') INTO gone FROM dropped;
  DELETE FROM audit_event WHERE id = ANY (gone);
  RETURN cardinality(gone); END $$"""


def upgrade() -> None:
    create_index("ix_session_unused", "session", ["client", "last_seen_at"], "ended_at IS NULL")
    create_index("ix_session_open", "session", ["expires_at"], "ended_at IS NULL")
    if op.get_bind().dialect.name != "sqlite":
        schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
        op.execute(_DROP.replace(":schema", str(schema)))
