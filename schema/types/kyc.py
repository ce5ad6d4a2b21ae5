from datetime import datetime

import strawberry
from strawberry import UNSET

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import kyc
from domain.kyc import CheckResult, KycStatus, RejectLabel, ToldCheckKind, told, told_labels
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.node import VERSION, Node
from schema.types.view import View, shown


@strawberry.type(description="One check of a verification, with its own result.")
class KycCheck:
    kind: ToldCheckKind = strawberry.field(description="What was looked at.")
    result: CheckResult = strawberry.field(description="How this check has ended, if it has.")


@strawberry.type(description="The verification of the user's identity. Only APPROVED users pay.")
class Kyc(View[kyc.Kyc], Node):
    status: KycStatus = shown("status", description="Where it stands now.")
    retry_required: bool = shown("retry_required", description="PENDING with a document to submit again: `retryKyc`.")
    can_retry: bool = shown("can_retry", description="Whether `retryKyc` would be taken.")
    started_at: datetime | None = shown("started_at", description="When `startKyc` was first called.")
    reviewed_at: datetime | None = shown("reviewed_at", description="When the vendor last decided, by its own time.")
    version: int = shown("version", description=VERSION)

    @strawberry.field(
        description="The reasons, each once: those about the document or the picture by name, all others as OTHER."
    )
    def reject_labels(self) -> list[RejectLabel]:
        return told_labels(told(self.shows).reject_labels)

    @strawberry.field(
        directives=[at_most(10)], description="Each check with its own result; empty where the reason is not told."
    )
    def checks(self) -> list[KycCheck]:
        return [KycCheck(kind=ToldCheckKind(check.kind), result=check.result) for check in told(self.shows).checks]


@strawberry.type(description="Opens the vendor's SDK for this user alone.")
class KycAccessToken:
    token: str = strawberry.field(description="Hand it to the SDK; do not store it.")
    url: str | None = strawberry.field(
        description="A page that the token opens, without the SDK; null where the vendor has none."
    )
    expires_at: datetime = strawberry.field(description="30 minutes after it was given.")


@strawberry.input(description="How the user comes back from the vendor's page.")
class StartKycInput:
    return_to: str | None = strawberry.field(
        description="Where `accessToken.url` leads on to: a path here, or an allowed address. "
        "Left out, the page leads nowhere.",
        default=UNSET,
    )


@strawberry.type(description="What `startKyc` and `retryKyc` give.")
class StartKycPayload:
    kyc: Kyc | None = strawberry.field(description="The verification as it stands now.", default=None)
    access_token: KycAccessToken | None = strawberry.field(description="For the vendor's SDK.", default=None)
    user_errors: list[UserError] = strawberry.field(
        directives=[at_most(20)], description="Why it was refused; empty where it was not.", default_factory=list
    )
