"""The documents that front ends may send."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class TrustedDocumentRow(SQLModel, table=True):
    """A pushed document by the SHA-256 of its text. `last_used_at` is the push itself until a client sends it."""

    __tablename__ = "trusted_document"

    hash: str = Field(primary_key=True)
    name: str
    text: str
    pushed_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime = Field(sa_type=UtcDateTime, index=True)
