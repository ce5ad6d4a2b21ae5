"""What brought a payment's step, and why a bank link ended, are codes. Stop the version before first: it writes texts."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_EVENT = sa.table("payment_event", *map(sa.column, ("version", "status", "cause", "kind")))
_LINK = sa.table("bank_link", *map(sa.column, ("status", "ended_because")))
_STREAM = sa.table(
    "user_event",
    *map(sa.column, ("user_id", "seq", "kind")),
    sa.column("fields", sa.JSON()),
)
# The first pattern that fits decides; texts such as "refund SUCCEEDED (whk_1)" name what changed and what brought it.
_CAUSES = (
    ("user", "USER"),
    ("%(user)", "USER"),
    ("refund PENDING", "USER"),
    ("whk%", "WEBHOOK"),
    ("%(whk%", "WEBHOOK"),
    ("%reconciliation%", "VENDOR_READ"),
    ("%'s page%", "USER_RETURNED"),
    ("no answer from the %", "NO_ANSWER"),
    ("the bank has it, %", "NO_ANSWER"),
    ("% was unavailable", "VENDOR_UNAVAILABLE"),
    ("booked at the bank", "STATEMENT"),
    ("%it ran out%", "EXPIRY"),
    ("operator", "OPERATOR"),
    ("vendor_correction", "VENDOR_CORRECTION"),
    ("%", "VENDOR_REPLY"),
)
_KINDS = (
    ("refund %", "REFUND"),
    ("dispute %", "DISPUTE"),
    ("no answer from the %", "IN_DOUBT"),
    ("the bank has it, %", "IN_DOUBT"),
)
_ENDS = {"REJECTED": "REFUSED", "EXPIRED": "EXPIRED", "REVOKED": "ENDED_BY_BANK"}
_CODES = ("DISCONNECTED", "ENDED_BY_BANK", "REFUSED", "BANK_UNAVAILABLE", "EXPIRED")
_BY_USER = "disconnected by the user"


def upgrade() -> None:
    with op.batch_alter_table("payment_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), server_default="STATUS", nullable=False))
    _rewrite_payment_events()
    _rewrite_bank_links()


def _rewrite_payment_events() -> None:
    cause = _EVENT.c.cause
    # A wish to cancel leaves the payment open; all else that users asked for created it or ended it.
    asked_to_cancel = sa.and_(
        cause == "user",
        _EVENT.c.version > 1,
        _EVENT.c.status.in_(("AUTHORISATION_REQUIRED", "SCHEDULED", "PROCESSING")),
    )
    kinds = [(cause.like(pattern), kind) for pattern, kind in _KINDS]
    op.execute(_EVENT.update().values(kind=sa.case((asked_to_cancel, "CANCELLATION"), *kinds, else_="STATUS")))
    op.execute(_EVENT.update().values(cause=sa.case(*((cause.like(pattern), code) for pattern, code in _CAUSES))))


def _rewrite_bank_links() -> None:
    because, status = _LINK.c.ended_because, _LINK.c.status
    by_status = sa.case(*((status == name, end) for name, end in _ENDS.items()))
    code = sa.case((because == _BY_USER, "DISCONNECTED"), else_=by_status)
    is_text = sa.and_(because.is_not(None), because.not_in(_CODES))
    op.execute(_LINK.update().where(is_text).values(ended_because=code))
    connection = op.get_bind()
    for row in connection.execute(sa.select(_STREAM).where(_STREAM.c.kind == "BANK_LINK")).fetchall():
        text = row.fields["ended_because"]
        if text is None or text in _CODES:
            continue
        end = "DISCONNECTED" if text == _BY_USER else _ENDS.get(row.fields["status"])
        is_this = sa.and_(_STREAM.c.user_id == row.user_id, _STREAM.c.seq == row.seq)
        connection.execute(_STREAM.update().where(is_this).values(fields={**row.fields, "ended_because": end}))
