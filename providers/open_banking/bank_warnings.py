"""Warnings that a bank gives although it has taken a consent or a payment: `tppMessages` of a 200 or 201.

Source: docs/vendors/nextgenpsd2.md, Errors and notifications; docs/vendors/open_payments.md, Payments.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import structlog

from domain.ids import BankId
from domain.input import clean_text, is_readable
from domain.warning import MutationWarning, WarningCode

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
_log = structlog.get_logger()


def warnings_in(document: Mapping[str, Any], bank: BankId) -> tuple[MutationWarning, ...]:
    """The warnings in a bank's answer, each once, five at most. What cannot be read is left out."""
    messages = document.get("tppMessages")
    given = [one for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
    found: list[MutationWarning] = []
    for message in (one for one in given if one.get("category") == "WARNING"):
        code = str(message.get("code"))
        _log.warning("bank_warns", bank=bank, code=code if _CODE.fullmatch(code) else "unreadable")
        warning = _warning(code, message.get("text"))
        if warning is not None and warning not in found:
            found.append(warning)
    return tuple(found[:_MOST])


def _warning(code: str, text: object) -> MutationWarning | None:
    if code in _CODES:
        return MutationWarning(_CODES[code])
    said = clean_text(text)[:_LONGEST] if isinstance(text, str) else ""
    return MutationWarning(WarningCode.BANK_SAYS, {"said": said}) if said and is_readable(said) else None
