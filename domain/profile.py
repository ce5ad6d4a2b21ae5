"""What a user may change about themself: e-mail, phone, language and address."""

from dataclasses import dataclass
from typing import Final

from domain.contact import mail_address, sms_number
from domain.errors import Refusal, Refusals
from domain.input import checked_text, fault
from domain.locale import LOCALES

MAX_ADDRESS: Final = 200


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. Without `is_normalised` no geocoder has found it, and `formatted` is what the user typed.

    Of a geocoder's answers, one without `is_normalised` is a guess that the user must confirm.
    """

    formatted: str
    street: str | None = None
    postal_code: str | None = None
    postal_place: str | None = None
    country: str | None = None
    is_normalised: bool = False


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A checked change; None leaves a field as it is, and `cleared` names the fields that become empty.

    `email` has its domain in Unicode, `phone` is E.164, `locale` one of `LOCALES`.
    """

    email: str | None
    phone: str | None
    locale: str | None
    address: str | None
    cleared: frozenset[str] = frozenset()


def profile_change(
    *,
    email: str | None,
    phone: str | None,
    locale: str | None,
    address: str | None,
    cleared: frozenset[str] = frozenset(),
) -> ProfileChange:
    """Check a change against every rule; None leaves a field as it is, unless `cleared` names it.

    Without a `locale` the user is spoken to as each request asks. Raises Refusals with all faults.
    """
    faults: list[Refusal] = []
    reached_at = mail_address(email) if email is not None else None
    if email is not None and reached_at is None:
        faults.append(fault("INVALID_EMAIL", "Give an address such as kari@example.no.", "email"))
    number = sms_number(phone) if phone is not None else None
    if phone is not None and number is None:
        message = "Give a mobile number of the EEA with its country code, such as +47 900 00 000."
        faults.append(fault("INVALID_PHONE", message, "phone"))
    if locale is not None and locale not in LOCALES:
        faults.append(fault("INVALID_LOCALE", f"Give one of {', '.join(LOCALES)}.", "locale"))
    text = checked_text(address, "address", MAX_ADDRESS, faults) if address is not None else None
    if faults:
        raise Refusals(faults)
    return ProfileChange(reached_at, number, locale, text, cleared)
