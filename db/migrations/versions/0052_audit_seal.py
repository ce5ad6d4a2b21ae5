"""The audit trail is sealed, and nothing in it is changed or deleted."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns
from db.migrations.indexes import create_index

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None
oldest_code = "0025"

_SEALED = "the audit trail is not changed"
# An entry goes after its seal, and a seal once its month was dropped.
_SQLITE = (
    """CREATE TRIGGER audit_event_awaits AFTER INSERT ON audit_event BEGIN
      INSERT INTO audit_awaiting (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING; END""",
    *(
        f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{_SEALED}'); END"
        for table in ("audit_event", "audit_seal", "audit_base")
    ),
    f"""CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event
      WHEN EXISTS (SELECT 1 FROM audit_seal WHERE event_id = OLD.id)
        OR EXISTS (SELECT 1 FROM audit_awaiting WHERE event_id = OLD.id)
      BEGIN SELECT RAISE(ABORT, '{_SEALED}'); END""",
    f"""CREATE TRIGGER audit_seal_delete BEFORE DELETE ON audit_seal
      WHEN NOT EXISTS (SELECT 1 FROM audit_base WHERE number >= OLD.number)
      BEGIN SELECT RAISE(ABORT, '{_SEALED}'); END""",
    f"""CREATE TRIGGER audit_base_delete BEFORE DELETE ON audit_base
      BEGIN SELECT RAISE(ABORT, '{_SEALED}'); END""",
)
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_awaits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO audit_awaiting (event_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
      RETURN NULL; END $$""",
    "CREATE TRIGGER audit_event_awaits AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION audit_awaits()",
    f"""CREATE OR REPLACE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_event' THEN
        IF NOT EXISTS (SELECT 1 FROM audit_seal WHERE event_id = OLD.id)
          AND NOT EXISTS (SELECT 1 FROM audit_awaiting WHERE event_id = OLD.id) THEN RETURN OLD; END IF;
      ELSIF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_seal' THEN
        IF EXISTS (SELECT 1 FROM audit_base WHERE number >= OLD.number) THEN RETURN OLD; END IF;
      END IF;
      RAISE EXCEPTION '{_SEALED}'; END $$""",
    *(
        f"CREATE TRIGGER {table}_refuses BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuses()"
        for table in ("audit_event", "audit_seal", "audit_base")
    ),
    # With its owner's rights: the role that serves may not delete, and drops by this what is five years old alone.
    """CREATE OR REPLACE FUNCTION audit_drop(upto bigint, at timestamptz, at_most integer) RETURNS integer
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = :schema, pg_temp AS $$
      DECLARE gone text[]; BEGIN
      IF session_user <> current_user AND EXISTS (
        SELECT 1 FROM audit_seal WHERE number <= upto AND sealed_at > now() - interval '5 years'
      ) THEN RAISE EXCEPTION 'the audit trail is kept for five years'; END IF;
      INSERT INTO audit_base (number, hash, dropped_at)
        SELECT number, hash, at FROM audit_seal WHERE number = upto ON CONFLICT DO NOTHING;
      WITH dropped AS (
        DELETE FROM audit_seal WHERE number IN (
          SELECT number FROM audit_seal WHERE number <= upto ORDER BY number LIMIT at_most) RETURNING event_id)
        SELECT coalesce(array_agg(event_id), '{}') INTO gone FROM dropped;
      DELETE FROM audit_event WHERE id = ANY (gone);
      RETURN cardinality(gone); END $$""",
    "REVOKE EXECUTE ON FUNCTION audit_drop FROM PUBLIC",
)


def upgrade() -> None:
    op.create_table(
        "audit_awaiting",
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "audit_base",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("dropped_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sealed_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["audit_event.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("event_id"),
    )
    with op.batch_alter_table("audit_seal", schema=None) as batch_op:
        batch_op.create_index("ix_audit_seal_sealed_at", ["sealed_at", "number"], unique=False)

    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("operator", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_audit_event_of_no_user"), sqlite_where=sa.text("user_id IS NULL"))
        batch_op.drop_index(batch_op.f("ix_audit_event_user_id"))
    create_index("ix_audit_event_of_object", "audit_event", ["object_id", "id"])
    create_index("ix_audit_event_of_user", "audit_event", ["user_id", "id"])
    # What stands in the trail already is sealed, too.
    op.execute("INSERT INTO audit_awaiting (event_id) SELECT id FROM audit_event")
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _SQLITE:
            op.execute(trigger)
    else:
        schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
        for statement in _POSTGRESQL:
            op.execute(statement.replace(":schema", str(schema)))
