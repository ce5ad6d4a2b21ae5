"""What subscriptions push: each item with the cursor that resumes after it."""

from typing import Annotated

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain.event import StreamItemKind
from schema.types.bank import BankAccount, BankLink
from schema.types.card import Card
from schema.types.file import DataExport, Upload
from schema.types.kyc import Kyc
from schema.types.payment import Payment
from schema.types.plan import PlanSubscription
from schema.types.user import User

_CURSOR = "Send it as `after` to resume: nothing is missed and nothing repeated."
_KIND = "Whether this is the current state, a change, or a gap."


@strawberry.type(description="A payment, and each of its changes.")
class PaymentUpdate:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    payment: Payment = strawberry.field(description="As it was at this change.")


@strawberry.type(description="The verification, and each of its changes.")
class KycUpdate:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    kyc: Kyc = strawberry.field(description="As it was at this change.")


@strawberry.type(description="The bank links, and each change of one.")
class BankLinkUpdate:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    bank_links: list[BankLink] = strawberry.field(
        description="At a CHANGE the one that changed, as it was then; else all of them."
    )


@strawberry.type(description="An upload, and each of its changes.")
class UploadUpdate:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    upload: Upload = strawberry.field(description="As it was at this change.")


ViewerEventSubject = Annotated[
    User | Payment | Kyc | BankLink | BankAccount | PlanSubscription | Upload | DataExport | Card,
    strawberry.union("ViewerEventSubject", description="What a viewer's event speaks of; the user at a snapshot."),
]


@strawberry.type(description="Anything of the viewer's that changed.")
class ViewerEvent:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    subject: ViewerEventSubject = strawberry.field(description="As it was at this change.")


Cursor = Annotated[
    str | None,
    strawberry.argument(description="The last cursor seen; without it the current state comes first."),
]
