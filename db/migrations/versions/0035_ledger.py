"""A ledger says what moved, of what is stored, too.

The version before runs on it. What it writes meanwhile, reconciliation adds. It reads `payment.returned_minor`, which
the ledger replaces and a later version drops.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import db.columns
from db.ids import new_id

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None
oldest_code = "0025"
prepares = ("drop payment.returned_minor",)

_COLUMNS = "id, kind, amount_minor, currency, vendor, vendor_object_id, moved_at"
# Each entry takes its ULID from the row that it is made of.
_STORED = (
    f"""INSERT INTO ledger_entry ({_COLUMNS}, payment_id)
    SELECT 'led_' || substr(p.id, 5), 'CHARGED', p.amount_minor, p.currency, p.vendor, coalesce(p.vendor_payment_id,
    p.id), coalesce((SELECT min(e.at) FROM payment_event e WHERE e.payment_id = p.id AND e.status = 'SETTLED'),
    p.created_at), p.id FROM payment p WHERE p.rail = 'CARD' AND p.status = 'SETTLED'""",
    f"""INSERT INTO ledger_entry ({_COLUMNS}, payment_id, refund_id)
    SELECT 'led_' || substr(r.id, 5), 'REFUNDED', r.amount_minor, r.currency, p.vendor, coalesce(r.vendor_refund_id,
    r.id), r.updated_at, p.id, r.id FROM refund r JOIN payment p ON p.id = r.payment_id WHERE r.status = 'SUCCEEDED'""",
    f"""INSERT INTO ledger_entry ({_COLUMNS}, payment_id, dispute_id)
    SELECT 'led_' || substr(d.id, 5), 'DISPUTED', d.amount_minor, d.currency, p.vendor, d.vendor_dispute_id,
    d.created_at, p.id, d.id FROM dispute d JOIN payment p ON p.id = d.payment_id WHERE d.status = 'LOST'""",
    f"""INSERT INTO ledger_entry ({_COLUMNS}, plan_invoice_id)
    SELECT 'led_' || substr(i.id, 6), 'CHARGED', i.amount_minor, i.currency, s.vendor, i.vendor_invoice_id,
    i.created_at, i.id FROM plan_invoice i JOIN plan_subscription s ON s.id = i.subscription_id
    WHERE i.status IN ('PAID', 'REFUNDED')""",
)
_LINES = f"""INSERT INTO ledger_entry ({_COLUMNS}, payment_id)
    SELECT 'led_' || substr(l.id, 5), CASE l.matched_as WHEN 'DEBIT' THEN 'BOOKED' ELSE 'RETURNED' END,
    abs(l.amount_minor), l.currency, p.vendor, l.id, {{booked}}, p.id
    FROM bank_transaction l JOIN payment p ON p.end_to_end_id = l.end_to_end_id
    WHERE l.matched_as IN ('DEBIT', 'RETURN')"""
# Lines go with their user; the sum has stayed.
_WITHOUT_LINES = f"""INSERT INTO ledger_entry ({_COLUMNS}, payment_id)
    SELECT 'led_' || substr(p.id, 5), 'RETURNED', p.returned_minor - known.amount, p.currency, p.vendor,
    p.end_to_end_id, {{returned}}, p.id FROM payment p JOIN (SELECT q.id, coalesce(sum(e.amount_minor), 0) AS amount
    FROM payment q LEFT JOIN ledger_entry e ON e.payment_id = q.id AND e.kind = 'RETURNED'
    WHERE q.returned_minor > 0 GROUP BY q.id) known ON known.id = p.id WHERE p.returned_minor > known.amount"""
_GIVEN_BACK = """SELECT i.id, i.amount_minor, i.currency, s.vendor, i.vendor_invoice_id, i.created_at
    FROM plan_invoice i JOIN plan_subscription s ON s.id = i.subscription_id WHERE i.status = 'REFUNDED'"""


def upgrade() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payment_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("plan_invoice_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("refund_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("dispute_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vendor_object_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("moved_at", db.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"]),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            ["payment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["plan_invoice_id"],
            ["plan_invoice.id"],
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"],
            ["refund.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("vendor", "kind", "vendor_object_id"),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_entry_dispute_id"), ["dispute_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entry_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entry_plan_invoice_id"), ["plan_invoice_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entry_refund_id"), ["refund_id"], unique=False)

    on_sqlite = op.get_bind().dialect.name == "sqlite"
    midnight = "{0} || ' 00:00:00.000000'" if on_sqlite else "CAST({0} AS timestamp) AT TIME ZONE 'UTC'"
    for statement in _STORED:
        op.execute(statement)
    op.execute(_LINES.format(booked=midnight.format("l.booking_date")))
    op.execute(_WITHOUT_LINES.format(returned=midnight.format("p.returned_on")))
    _give_back_invoices()


def _give_back_invoices() -> None:
    """A plan's charge that was given back has a second entry, and so needs a ULID of its own."""
    entry = sa.table(
        "ledger_entry",
        *(sa.column(name) for name in ("id", "kind", "amount_minor", "currency", "vendor", "vendor_object_id")),
        sa.column("moved_at", db.columns.UtcDateTime(timezone=True)),
        sa.column("plan_invoice_id"),
    )
    query = sa.text(_GIVEN_BACK).columns(created_at=db.columns.UtcDateTime(timezone=True))
    found = op.get_bind().execute(query).all()
    rows = [
        {
            "id": new_id("led", row.created_at),
            "kind": "REFUNDED",
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "vendor": row.vendor,
            "vendor_object_id": row.vendor_invoice_id,
            "moved_at": row.created_at,
            "plan_invoice_id": row.id,
        }
        for row in found
    ]
    if rows:
        op.bulk_insert(entry, rows)
