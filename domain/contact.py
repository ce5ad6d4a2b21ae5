"""How a person is reached: mail addresses, and the numbers that take an SMS."""

import re
import unicodedata
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

# The regions of the EEA as numbers name them: Åland and Svalbard have their own.
_EEA: Final = frozenset(
    (
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "AX", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT"),
        *("LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "NO", "SJ", "IS", "LI"),
    )
)
_WRITTEN: Final = re.compile(r"\+[0-9 ./()-]+")


def mail_address(text: str) -> str | None:
    """The address with its domain in Unicode, None where it is none. The local part must be ASCII: SendGrid asks it."""
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return None
    has_top_level = len(found.domain.rpartition(".")[2]) > 1
    return found.normalized if has_top_level else None


def on_the_wire(address: str) -> str:
    """The address with its domain in ASCII (IDNA), as mail servers know it; as it is where that cannot be."""
    try:
        return validate_email(address, check_deliverability=False).ascii_email or address
    except EmailNotValidError:
        return address


def sms_number(text: str) -> str | None:
    """The number in E.164, None where it is no mobile number of the EEA: others take no SMS, or a dear one.

    Blanks of any kind, dots, hyphens and brackets may stand in it, as people copy them; 00 is read as +.
    """
    plain = "".join(_plain(character) for character in unicodedata.normalize("NFKC", text)).strip()
    plain = re.sub(r"^00", "+", plain)
    if not _WRITTEN.fullmatch(plain):
        return None
    try:
        number = phonenumbers.parse(plain, None)
    except NumberParseException:
        return None
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    if not is_mobile or phonenumbers.region_code_for_number(number) not in _EEA:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _plain(character: str) -> str:
    """Blanks and hyphens in ASCII, nothing for the invisible marks that phones put around a copied number."""
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    return {"Pd": "-", "Cf": ""}.get(kind, character)
