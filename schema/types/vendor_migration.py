from datetime import datetime

import strawberry

import schema.types.service_enums  # noqa: F401  # registers the domain's enums
from domain.service import PortName
from domain.vendor_migration import CustomerMigration
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.node import Node
from schema.types.view import View, shown


@strawberry.type(description="A move of the viewer's data from one of Drop's vendors to another.")
class VendorMove(View[CustomerMigration], Node):
    id: strawberry.ID = shown("migration.id", description="Opaque and stable; `node` finds the object by it.")
    from_vendor: str | None = shown(
        "migration.from_vendor",
        description="Who holds the data now, or held it: for the viewer to read, no name to branch on.",
    )
    to_vendor: str | None = shown(
        "migration.to_vendor", description="Who is to hold it: nobody agrees to be moved to somebody unnamed."
    )
    consented_at: datetime | None = shown(
        "consented_at", description="When the viewer agreed; null while they have not."
    )
    moved_at: datetime | None = shown(
        "moved_at", description="When it was done; what was begun before ends where it was."
    )

    @strawberry.field(description="What the vendor does for Drop.")
    def port(self) -> PortName:
        return PortName(self.shows.migration.port)


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
