from datetime import datetime
from typing import Self

import strawberry
from strawberry import UNSET

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import kyc
from domain.kyc import CheckResult, KycStatus, RejectLabel, ToldCheckKind, told, told_labels
from schema.types.cost import at_most
from schema.types.errors import UserError
from schema.types.node import VERSION, Node


@strawberry.type(description="One check of a verification, with its own result.")
class KycCheck:
    kind: ToldCheckKind = strawberry.field(description="What was looked at.")
    result: CheckResult = strawberry.field(description="How this check has ended, if it has.")


@strawberry.type(description="The verification of the user's identity. Only APPROVED users pay.")
class Kyc(Node):
    status: KycStatus = strawberry.field(description="Where it stands now.")
    retry_required: bool = strawberry.field(description="PENDING with a document to submit again: `retryKyc`.")
    reject_labels: list[RejectLabel] = strawberry.field(
        description="The reasons, each once: those about the document or the picture by name, all others as OTHER."
    )
    can_retry: bool = strawberry.field(description="Whether `retryKyc` would be taken.")
    checks: list[KycCheck] = strawberry.field(
        directives=[at_most(10)], description="Each check with its own result; empty where the reason is not told."
    )
    started_at: datetime | None = strawberry.field(description="When `startKyc` was first called.")
    reviewed_at: datetime | None = strawberry.field(description="When the vendor last decided, by its own time.")
    version: int = strawberry.field(description=VERSION)

    @classmethod
    def of(cls, kyc: kyc.Kyc) -> Self:
        shown = told(kyc)
        return cls(
            id=strawberry.ID(kyc.id),
            status=kyc.status,
            retry_required=kyc.retry_required,
            reject_labels=told_labels(shown.reject_labels),
            can_retry=kyc.can_retry,
            checks=[KycCheck(kind=ToldCheckKind(check.kind), result=check.result) for check in shown.checks],
            started_at=kyc.started_at,
            reviewed_at=kyc.reviewed_at,
            version=kyc.version,
        )


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
