from datetime import datetime

import strawberry
from strawberry import UNSET

import schema.types.enums  # noqa: F401  # registers the domain's enums
from domain import contact_code, notification, profile
from domain.contact_code import ContactKind
from schema.types.view import View, shown


@strawberry.type(description="The place where the user lives.")
class Address(View[profile.Address]):
    formatted: str = shown("formatted", description="The whole address in one line.")
    street: str | None = shown("street", description="The street's name with the house number.")
    postal_code: str | None = shown("postal_code", description="Four digits in Norway.")
    postal_place: str | None = shown("postal_place", description="The post's name of the place.")
    country: str | None = shown("country", description="The country's code by ISO 3166-1 alpha-2.")
    normalised: bool = shown(
        "is_normalised", description="Whether it was found on the map; else it is as the user typed it."
    )


@strawberry.type(description="What the user wants to hear of. Receipts and bills are always sent.")
class NotificationPreferences(View[notification.NotificationPreferences]):
    payments: bool = shown("payments", description="Mail when a bank payment settles or fails.")
    verification: bool = shown("verification", description="Mail on the verification's result.")
    bank_links: bool = shown("bank_links", description="Mail before the access to a bank runs out.")
    security: bool = shown("security", description="SMS on new sign-ins. What warns of a theft is always sent.")


@strawberry.type(description="A new e-mail or phone that counts once its code was given.")
class PendingContact(View[contact_code.PendingContact]):
    address: str = shown("address", description="Where the code was sent: an e-mail address, or a number in E.164.")
    expires_at: datetime = shown(
        "expires_at",
        description="Until when `confirmContact` takes the code; later, `updateProfile` sends another one.",
    )


@strawberry.input(description="What to change; what is left out stays, and null empties a field.")
class UpdateProfileInput:
    email: str | None = strawberry.field(
        description="The address for messages, which counts once `confirmContact` was given the code that is sent "
        "there; the same again sends another code, and null removes it.",
        default=UNSET,
    )
    phone: str | None = strawberry.field(
        description="With the country's code, such as +47 900 00 000; confirmed and removed as `email`.", default=UNSET
    )
    locale: str | None = strawberry.field(
        description="The language of all texts: nb-NO or en-GB. Null goes back to what each request asks for.",
        default=UNSET,
    )
    address: str | None = strawberry.field(description="In one line; it is looked up on the map.", default=UNSET)


@strawberry.input(description="The code that was sent to a new e-mail or phone.")
class ConfirmContactInput:
    kind: ContactKind = strawberry.field(description="Whether the e-mail or the phone is confirmed.")
    code: str = strawberry.field(description="The six digits that were sent there last.")


@strawberry.input(description="What the user wants to hear of; what is left out stays.")
class SetNotificationPreferencesInput:
    payments: bool | None = strawberry.field(description="Mail when a bank payment settles or fails.", default=UNSET)
    verification: bool | None = strawberry.field(description="Mail on the verification's result.", default=UNSET)
    bank_links: bool | None = strawberry.field(description="Mail before the access to a bank runs out.", default=UNSET)
    security: bool | None = strawberry.field(
        description="SMS on new sign-ins. To switch it off takes a recent BankID login (STEP_UP_REQUIRED).",
        default=UNSET,
    )
