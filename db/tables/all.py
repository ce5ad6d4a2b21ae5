"""Every table, for the migrations and for a reset."""

from sqlmodel import SQLModel

from db.tables import (
    audit,
    bank,
    card,
    document,
    event,
    file,
    job,
    kyc,
    ledger,
    notification,
    operator,
    payment,
    plan,
    provider,
    reconciliation,
    user,
)

MODULES = (
    audit,
    bank,
    card,
    document,
    event,
    file,
    job,
    kyc,
    ledger,
    notification,
    operator,
    payment,
    plan,
    provider,
    reconciliation,
    user,
)
METADATA = SQLModel.metadata
