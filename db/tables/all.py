"""Every table, for the migrations and for a reset."""

from sqlmodel import SQLModel

from db.tables import bank, event, file, job, kyc, notification, payment, plan, provider, user

MODULES = (bank, event, file, job, kyc, notification, payment, plan, provider, user)
METADATA = SQLModel.metadata
