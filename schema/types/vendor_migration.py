from datetime import datetime
from typing import Self

import strawberry

import schema.types.service_enums  # noqa: F401  # registers the domain's enums
from domain.service import PortName
from domain.vendor_migration import CustomerMigration
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.node import Node


@strawberry.type(description="A move of the viewer's data from one of Drop's vendors to another.")
class VendorMove(Node):
    port: PortName = strawberry.field(description="What the vendor does for Drop.")
    from_vendor: str | None = strawberry.field(
        description="Who holds the data now, or held it: for the viewer to read, no name to branch on."
    )
    to_vendor: str | None = strawberry.field(
        description="Who is to hold it: nobody agrees to be moved to somebody unnamed."
    )
    consented_at: datetime | None = strawberry.field(description="When the viewer agreed; null while they have not.")
    moved_at: datetime | None = strawberry.field(
        description="When it was done; what was begun before ends where it was."
    )

    @classmethod
    def of(cls, customer: CustomerMigration) -> Self:
        return cls(
            id=strawberry.ID(customer.migration.id),
            port=PortName(customer.migration.port),
            from_vendor=customer.migration.from_vendor,
            to_vendor=customer.migration.to_vendor,
            consented_at=customer.consented_at,
            moved_at=customer.moved_at,
        )


@strawberry.input(description="The move to agree to or not.")
class VendorMoveInput:
    id: strawberry.ID = strawberry.field(description="The id of one of `viewer.vendorMoves`.")


@strawberry.type(description="What the mutations of moves give.")
class VendorMovePayload:
    vendor_move: VendorMove | None = strawberry.field(
        description="The move as it stands after the change.", default=None
    )
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
