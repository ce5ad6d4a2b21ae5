"""Which vendor knows a user by which id, and how users are moved to another vendor."""

from datetime import datetime

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from db.columns import UtcDateTime


class ProviderPinRow(SQLModel, table=True):
    """The vendor that holds the user's customer, per user and port. `reference` is the vendor's id of the customer."""

    __tablename__ = "provider_pin"
    __table_args__ = (Index("ix_provider_pin_vendor", "port", "vendor"),)

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    port: str = Field(primary_key=True)
    vendor: str
    reference: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class VendorMigrationRow(SQLModel, table=True):
    """The migration of a port between two vendors, shared by all processes; unique per port and pair of vendors."""

    __tablename__ = "vendor_move"
    __table_args__ = (UniqueConstraint("port", "from_vendor", "to_vendor"),)

    id: str = Field(primary_key=True)
    port: str
    from_vendor: str
    to_vendor: str
    began_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stopped_because: str | None = None


class VendorMigrationConsentRow(SQLModel, table=True):
    """A customer's part in a migration: the consent, and the customer's ids at both vendors.

    The old vendor's id is kept, since that vendor still serves what began there.
    """

    __tablename__ = "vendor_move_consent"

    move_id: str = Field(foreign_key="vendor_move.id", primary_key=True)
    user_id: str = Field(foreign_key="user.id", primary_key=True, index=True)
    given_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    from_reference: str | None = None
    to_reference: str | None = None
    moved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
