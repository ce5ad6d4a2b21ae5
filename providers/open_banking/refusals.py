"""A bank's no to a payment, by its code: logged and counted for operators, and a reason that the user can act on."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from prometheus_client import Counter

from domain.ids import BankId
from domain.payment import Failure, FailureCode, FailureDetail
from providers.open_banking.status import FAILURES, NOT_TAKEN

REFUSALS: Final = Counter(
    "drop_bank_refusals_total", "Payments that a bank did not take, by its code.", ["bank", "code"]
)
_log = structlog.get_logger()
# Only a code is logged or counted: a bank's longer text may hold personal data.
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")


def _because(detail: FailureDetail) -> Failure:
    return Failure(FailureCode.REJECTED_BY_BANK, detail)


_NOT_FROM_DROP: Final = _because(FailureDetail.NOT_FROM_DROP)
# NextGenPSD2, 14.11, and Enable Banking's errors (docs/vendors). A code that is not listed gives NOT_TAKEN.
_REASONS: Final[Mapping[str, Failure]] = {
    "FUNDS_NOT_AVAILABLE": FAILURES["FUNDS_NOT_AVAILABLE"],
    "PRODUCT_UNKNOWN": _NOT_FROM_DROP,
    "PRODUCT_INVALID": _NOT_FROM_DROP,
    "SERVICE_BLOCKED": _NOT_FROM_DROP,
    "SERVICE_INVALID": _NOT_FROM_DROP,
    "EXECUTION_DATE_INVALID": _because(FailureDetail.EXECUTION_DATE_NOT_TAKEN),
    "REQUIRED_KID_MISSING": _because(FailureDetail.KID_WANTED),
    "ASPSP_PSU_ACTION_REQUIRED": _because(FailureDetail.USER_WANTED),
    "PAYMENT_LIMIT_EXCEEDED": _because(FailureDetail.ABOVE_LIMIT),
    "UNTRUSTED_PAYMENT_PARTY": _because(FailureDetail.PAYEE_NOT_KNOWN),
}


def not_taken(bank: BankId, codes: Sequence[str]) -> Failure:
    """Log and count the bank's no, by the first of its `codes`. Gives why, as the user is told."""
    note(bank, codes)
    return refusal_of(codes)


def note(bank: BankId, codes: Sequence[str]) -> None:
    """Log and count a bank's no to a payment, by the first of its `codes`, whoever is to blame for it."""
    code = next((code for code in codes if _CODE.fullmatch(code)), "none")
    REFUSALS.labels(bank, code).inc()
    _log.warning("bank_refuses_payment", bank=bank, code=code)


def note_told(bank: BankId, codes: Sequence[str], failure: Failure | None) -> None:
    """As `note`, of a rejection that a status tells: where no code is beside it, or its user is the reason, it is none.

    Each read counts; once the end is stored, nobody asks again.
    """
    if codes and failure is not None and failure.code is FailureCode.REJECTED_BY_BANK:
        note(bank, codes)


def is_about_payment(codes: Sequence[str]) -> bool:
    """Whether one of the codes turns this payment down, whatever the status: a missing KID is a 401."""
    return not _REASONS.keys().isdisjoint(codes)


def refusal_of(codes: Sequence[str]) -> Failure:
    """Why a bank has not taken a payment, as the user is told, by the first of its codes that is known."""
    return next((_REASONS[code] for code in codes if code in _REASONS), NOT_TAKEN)
