"""Refusals of business rules, as data in a mutation's payload."""

from enum import Enum

import strawberry

import schema.types.service_enums  # noqa: F401  # registers the domain's enums
from domain.errors import ProviderUnavailable, Refusal, Refusals
from domain.service import PortName
from domain.text import Text
from schema.types.message import message


@strawberry.enum(description="Why an input was refused. Branch on this; show the message.")
class UserErrorCode(Enum):
    BAD_USER_INPUT = strawberry.enum_value("BAD_USER_INPUT", description="A value breaks a rule.")
    INVALID_AMOUNT = strawberry.enum_value("INVALID_AMOUNT", description="Zero, negative or too large.")
    UNSUPPORTED_CURRENCY = strawberry.enum_value("UNSUPPORTED_CURRENCY", description="Not a currency of this rail.")
    INVALID_ACCOUNT_NUMBER = strawberry.enum_value(
        "INVALID_ACCOUNT_NUMBER", description="Malformed, a wrong check digit, or not payable."
    )
    INVALID_KID = strawberry.enum_value("INVALID_KID", description="Malformed or a wrong check digit.")
    INVALID_DATE = strawberry.enum_value("INVALID_DATE", description="Past, or too far ahead.")
    INVALID_TEXT = strawberry.enum_value(
        "INVALID_TEXT", description="Empty, too long, or with characters that cannot be used."
    )
    INVALID_EMAIL = strawberry.enum_value("INVALID_EMAIL", description="Not an e-mail address.")
    INVALID_PHONE = strawberry.enum_value("INVALID_PHONE", description="Not a number with its country's code.")
    INVALID_CODE = strawberry.enum_value("INVALID_CODE", description="Not the code that was sent last.")
    CODE_EXPIRED = strawberry.enum_value(
        "CODE_EXPIRED", description="Too late, or too many wrong codes: ask for another one."
    )
    CODE_NOT_SENT = strawberry.enum_value(
        "CODE_NOT_SENT", description="The message with the code is still on its way: wait for it."
    )
    CODE_NOT_DELIVERED = strawberry.enum_value(
        "CODE_NOT_DELIVERED", description="The code could not be sent there: check the contact, ask for another one."
    )
    INVALID_LOCALE = strawberry.enum_value("INVALID_LOCALE", description="Not a language that Drop speaks.")
    ADDRESS_NOT_FOUND = strawberry.enum_value("ADDRESS_NOT_FOUND", description="Not on the map.")
    UNSUPPORTED_FILE_TYPE = strawberry.enum_value("UNSUPPORTED_FILE_TYPE", description="Not for this purpose.")
    INVALID_FILE_NAME = strawberry.enum_value(
        "INVALID_FILE_NAME", description="Empty, too long, a path, or not ending as its type does."
    )
    INVALID_FILE_SIZE = strawberry.enum_value("INVALID_FILE_SIZE", description="Empty or too large.")
    INVALID_CHECKSUM = strawberry.enum_value("INVALID_CHECKSUM", description="Not a SHA-256 in hexadecimal.")
    CONFIRMATION_REQUIRED = strawberry.enum_value(
        "CONFIRMATION_REQUIRED", description="What cannot be taken back needs `confirm: true`."
    )
    INVALID_RETURN_TO = strawberry.enum_value(
        "INVALID_RETURN_TO", description="Not an address that Drop may send the user to."
    )
    INVALID_IDEMPOTENCY_KEY = strawberry.enum_value(
        "INVALID_IDEMPOTENCY_KEY", description="8 to 128 printable ASCII characters are needed."
    )
    INVALID_PAYMENT_METHOD = strawberry.enum_value(
        "INVALID_PAYMENT_METHOD", description="Not a payment method's id (`pm_...`), or unknown to the vendor."
    )
    IDEMPOTENCY_KEY_REUSED = strawberry.enum_value(
        "IDEMPOTENCY_KEY_REUSED", description="The key was used with other input."
    )
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="Unknown, not the viewer's, or no id of this kind at all."
    )
    INVALID_STATE = strawberry.enum_value("INVALID_STATE", description="Asked for at the wrong moment.")
    FEATURE_DISABLED = strawberry.enum_value("FEATURE_DISABLED", description="Switched off; see `features`.")
    ADDRESS_REQUIRED = strawberry.enum_value(
        "ADDRESS_REQUIRED", description="The user's address must be known on the map first."
    )
    KYC_REQUIRED = strawberry.enum_value("KYC_REQUIRED", description="The user's identity must be approved first.")
    CONSENT_REQUIRED = strawberry.enum_value(
        "CONSENT_REQUIRED", description="No active consent covers the account; renew it."
    )
    READ_LIMIT_REACHED = strawberry.enum_value(
        "READ_LIMIT_REACHED", description="The bank allows no more readings today."
    )
    POSSIBLE_DUPLICATE = strawberry.enum_value(
        "POSSIBLE_DUPLICATE",
        description="A like payment has no known outcome yet; confirm with `acceptDuplicateOf`.",
    )
    IN_DOUBT = strawberry.enum_value("IN_DOUBT", description="The payment's outcome is not known yet.")
    CONFLICT = strawberry.enum_value("CONFLICT", description="Something else changed it at the same moment; try again.")
    PROVIDER_UNAVAILABLE = strawberry.enum_value(
        "PROVIDER_UNAVAILABLE", description="A vendor is away, nothing was done; try again."
    )


@strawberry.type(description="One fault of an input.")
class UserError:
    code: UserErrorCode = strawberry.field(description="Stable: programs decide by it what to do.")
    message: str = strawberry.field(
        resolver=message, description="What to show to the person who asked, in their language."
    )
    text: strawberry.Private[Text]
    developer_message: str = strawberry.field(description="What was wrong, in English and in the schema's words.")
    field: list[str] | None = strawberry.field(description="The input's path, outermost first; null for the whole.")
    retryable: bool = strawberry.field(description="Whether the same request may succeed later.")
    provider: PortName | None = strawberry.field(description="The port whose vendor is away.", default=None)


def user_errors_of(refusal: Refusal) -> list[UserError]:
    """All faults of an input at once."""
    if isinstance(refusal, Refusals):
        return [error for fault in refusal.refusals for error in user_errors_of(fault)]
    return [
        UserError(
            code=UserErrorCode(refusal.code),
            developer_message=refusal.message,
            text=refusal.text,
            field=list(refusal.field) or None,
            retryable=refusal.retryable,
            provider=PortName(refusal.provider) if isinstance(refusal, ProviderUnavailable) else None,
        )
    ]
