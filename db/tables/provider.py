"""Which vendor knows a user by which id."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class ProviderPinRow(SQLModel, table=True):
    """A user stays with the vendor that holds their customer. `reference` is the vendor's id of them."""

    __tablename__ = "provider_pin"

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    port: str = Field(primary_key=True)
    vendor: str
    reference: str
    created_at: datetime = Field(sa_type=UtcDateTime)
