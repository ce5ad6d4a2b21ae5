"""What a user may change about themself: e-mail, phone, language and address."""

import re
from dataclasses import dataclass
from typing import Final

from domain.errors import Refusal, Refusals
from domain.input import checked_text, fault

LOCALES: Final = ("nb-NO", "en-GB")
MAX_ADDRESS: Final = 200
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# E.164: a plus sign, a country's code that does not begin with 0, 15 digits at most.
_PHONE: Final = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. Without `is_normalised` no geocoder has found it, and `formatted` is what the user typed."""

    formatted: str
    street: str | None = None
    postal_code: str | None = None
    postal_place: str | None = None
    country: str | None = None
    is_normalised: bool = False


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A checked change; None leaves a field as it is, and `cleared` names the fields that become empty.

    `phone` is E.164, `locale` one of `LOCALES`.
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

    Every field but `locale` can be cleared. Raises Refusals with all faults.
    """
    faults: list[Refusal] = []
    if email is not None and (len(email) > 254 or not _EMAIL.fullmatch(email)):
        faults.append(fault("INVALID_EMAIL", "Give an address such as kari@example.no.", "email"))
    number = re.sub(r"[ ()-]", "", phone) if phone is not None else None
    if number is not None and not _PHONE.fullmatch(number):
        faults.append(fault("INVALID_PHONE", "Give the number with its country code, such as +47 900 00 000.", "phone"))
    if "locale" in cleared or (locale is not None and locale not in LOCALES):
        faults.append(fault("INVALID_LOCALE", f"Give one of {', '.join(LOCALES)}.", "locale"))
    text = checked_text(address, "address", MAX_ADDRESS, faults) if address is not None else None
    if faults:
        raise Refusals(faults)
    return ProfileChange(email, number, locale, text, cleared)
