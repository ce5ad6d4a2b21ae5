"""What subscriptions push: each item with the cursor that resumes after it."""

from typing import Annotated

import strawberry

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain.event import ChangeKind, StreamItemKind, ViewerEventType
from schema.types.bank import BankAccount, BankLink
from schema.types.card import Card
from schema.types.cost import at_most
from schema.types.file import DataExport, Upload
from schema.types.kyc import Kyc
from schema.types.payment import Payment
from schema.types.plan import PlanSubscription
from schema.types.user import User

_CURSOR = "Send it as `after` to resume: nothing is missed and nothing repeated."
_KIND = "Whether this is the current state, a change, or a gap."
_AS_IT_WAS = "As it was at this change, where `type` names it."


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
        directives=[at_most(20)], description="At a CHANGE the one that changed, as it was then; else all of them."
    )


@strawberry.type(description="An upload, and each of its changes.")
class UploadUpdate:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    upload: Upload = strawberry.field(description="As it was at this change.")


@strawberry.type(description="Anything of the viewer's that changed. The field that `type` names is set, no other.")
class ViewerEvent:
    cursor: str = strawberry.field(description=_CURSOR)
    kind: StreamItemKind = strawberry.field(description=_KIND)
    type: ViewerEventType = strawberry.field(description="What it is about; VIEWER at a SNAPSHOT and a RESUME_GAP.")
    change: ChangeKind | None = strawberry.field(description="What happened to the object; set at a CHANGE.")
    object_id: strawberry.ID = strawberry.field(description="The id of what it is about, also where it was removed.")
    viewer: User | None = strawberry.field(description="The user, at a SNAPSHOT and a RESUME_GAP.", default=None)
    payment: Payment | None = strawberry.field(description=_AS_IT_WAS, default=None)
    kyc: Kyc | None = strawberry.field(description=_AS_IT_WAS, default=None)
    bank_link: BankLink | None = strawberry.field(description=_AS_IT_WAS, default=None)
    bank_account: BankAccount | None = strawberry.field(description=_AS_IT_WAS, default=None)
    plan_subscription: PlanSubscription | None = strawberry.field(description=_AS_IT_WAS, default=None)
    upload: Upload | None = strawberry.field(description=_AS_IT_WAS, default=None)
    data_export: DataExport | None = strawberry.field(description=_AS_IT_WAS, default=None)
    card: Card | None = strawberry.field(description=_AS_IT_WAS, default=None)


Cursor = Annotated[
    str | None,
    strawberry.argument(description="The last cursor seen; without it the current state comes first."),
]
