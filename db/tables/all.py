"""Every table, for the migrations and for a reset."""

from sqlmodel import SQLModel

from db.tables import bank, card, event, file, job, kyc, notification, payment, plan, provider, user

MODULES = (bank, card, event, file, job, kyc, notification, payment, plan, provider, user)
METADATA = SQLModel.metadata
