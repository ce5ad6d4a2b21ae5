"""Warnings that a bank gives beside an answer: `tppMessages` of a 200, 201 or 202.

Source: docs/vendors/nextgenpsd2.md, Errors and notifications; docs/vendors/open_payments.md, Payments.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import structlog
from prometheus_client import Counter

from domain.ids import BankId
from domain.input import clean_text, is_readable
from domain.warning import MutationWarning, WarningCode
from providers.calling.json_parts import objects_in, within

# What is not listed is told in the bank's own words.
_CODES: Final[Mapping[str, WarningCode]] = {
    "CREDITOR_ACCOUNT_FLAGGED": WarningCode.CREDITOR_ACCOUNT_FLAGGED,
    "BENEFICIARY_WHITELISTING_REQUIRED": WarningCode.CREDITOR_TO_BE_TRUSTED,
    "AUTHORISATION_PENDING_API": WarningCode.ANOTHER_APPROVES,
    "BANKID_NOT_ACTIVATED": WarningCode.BANKID_NOT_ACTIVATED,
}
_MOST: Final = 5
_LONGEST: Final = 200
# Only a code is logged: a bank's longer text may hold personal data.
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
WARNINGS: Final = Counter("drop_bank_warnings_total", "Warnings of banks beside their answers.", ["bank", "code"])
_log = structlog.get_logger()


def warnings_in(document: Mapping[str, Any]) -> tuple[MutationWarning, ...]:
    """The warnings in a bank's answer, each once, five at most. What cannot be read is left out."""
    found: list[MutationWarning] = []
    for message in _given(document):
        warning = _warning(str(message.get("code")), message.get("text"))
        if warning is not None and warning not in found:
            found.append(warning)
    return tuple(found[:_MOST])


def note_warnings(document: object, bank: BankId) -> None:
    """Log and count by its code what a bank warns of, whatever it was asked for."""
    for message in _given(document):
        given = str(message.get("code"))
        code = given if _CODE.fullmatch(given) else "unreadable"
        WARNINGS.labels(bank, code).inc()
        _log.warning("bank_warns", bank=bank, code=code)


def _given(document: object) -> list[Mapping[str, Any]]:
    return [one for one in objects_in(within(document, "tppMessages")) if one.get("category") == "WARNING"]


def _warning(code: str, text: object) -> MutationWarning | None:
    if code in _CODES:
        return MutationWarning(_CODES[code])
    said = clean_text(text)[:_LONGEST] if isinstance(text, str) else ""
    return MutationWarning(WarningCode.BANK_SAYS, {"said": said}) if said and is_readable(said) else None
