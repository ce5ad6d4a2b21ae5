"""What moved: the ledger of money."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel, UniqueConstraint

from db.columns import UtcDateTime


class LedgerEntryRow(SQLModel, table=True):
    """A movement of money: append-only, once per kind and vendor's object. `amount_minor` is positive."""

    __tablename__ = "ledger_entry"
    __table_args__ = (UniqueConstraint("vendor", "kind", "vendor_object_id"),)

    id: str = Field(primary_key=True)
    payment_id: str | None = Field(default=None, foreign_key="payment.id", index=True)
    plan_invoice_id: str | None = Field(default=None, foreign_key="plan_invoice.id", index=True)
    refund_id: str | None = Field(default=None, foreign_key="refund.id", index=True)
    dispute_id: str | None = Field(default=None, foreign_key="dispute.id", index=True)
    kind: str
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str
    vendor: str
    vendor_object_id: str
    moved_at: datetime = Field(sa_type=UtcDateTime)
