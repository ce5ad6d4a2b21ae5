"""What a user asks for when paying, checked as a whole: all faults of an input at once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from domain.account_number import AccountNumber, InvalidAccountNumber, is_kid, parse_account_number
from domain.errors import Refusal, Refusals
from domain.idempotency import fingerprint_of
from domain.ids import AccountId, PaymentId, UserId
from domain.input import check_amount, check_key, checked_text, clean_text, fault
from domain.money import Money

MAX_DAYS_AHEAD: Final = 365
MAX_CREDITOR_NAME: Final = 70
MAX_MESSAGE: Final = 140


@dataclass(frozen=True, slots=True)
class PaymentInput:
    """A payment as the client wrote it, unchecked."""

    debtor_account_id: str
    creditor_name: str
    creditor_account: str
    amount_minor: int
    currency: str
    idempotency_key: str
    kid: str | None = None
    message: str | None = None
    execution_date: date | None = None
    accept_duplicate_of: str | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of the business fields, which is the same on any day and in any form of Unicode.

        An idempotency key sent again must come with the same.
        """
        return fingerprint_of("as given", *self._fields(clean_text), self.execution_date and str(self.execution_date))

    @property
    def fingerprints(self) -> frozenset[str]:
        """Those that a key may be stored with: the older ones left the day out where it was that very day."""
        older = self._fields(_single_spaces)
        days = (self.execution_date and str(self.execution_date), None)
        return frozenset({self.fingerprint, *(fingerprint_of(*older, day) for day in days)})

    def _fields(self, clean: Callable[[str], str]) -> Sequence[object]:
        return (
            self.debtor_account_id,
            clean(self.creditor_name),
            _canonical_number(self.creditor_account),
            self.amount_minor,
            self.currency,
            self.kid,
            clean(self.message) if self.message is not None else None,
        )


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What a user asked for, after every rule was checked. `execution_date` is None for a payment at once."""

    user_id: UserId
    debtor_account_id: AccountId
    creditor_name: str
    creditor_account: AccountNumber
    amount: Money
    idempotency_key: str
    kid: str | None
    message: str | None
    execution_date: date | None
    accept_duplicate_of: PaymentId | None
    fingerprint: str


def payment_order(user_id: UserId, given: PaymentInput, today: date) -> PaymentOrder:
    """Check an input against every rule. `today` is the Oslo date. Raises Refusals with all faults."""
    faults: list[Refusal] = []
    creditor = _creditor_account(given.creditor_account, faults)
    name = checked_text(given.creditor_name, "creditorName", MAX_CREDITOR_NAME, faults)
    message = checked_text(given.message, "message", MAX_MESSAGE, faults) if given.message is not None else None
    check_amount(given.amount_minor, given.currency, faults)
    _check_reference(given, faults)
    _check_date(given.execution_date, today, faults)
    check_key(given.idempotency_key, faults)
    if faults or creditor is None:
        raise Refusals(faults)
    return PaymentOrder(
        user_id=user_id,
        debtor_account_id=AccountId(given.debtor_account_id),
        creditor_name=name,
        creditor_account=creditor,
        amount=Money(given.amount_minor, given.currency),
        idempotency_key=given.idempotency_key,
        kid=given.kid,
        message=message,
        # A payment for today is a payment at once.
        execution_date=given.execution_date if given.execution_date != today else None,
        accept_duplicate_of=PaymentId(given.accept_duplicate_of) if given.accept_duplicate_of else None,
        fingerprint=given.fingerprint,
    )


@dataclass(frozen=True, slots=True)
class CheckedPayee:
    """What a payment would go by. An account that cannot be paid is None, and `faults` says why, as a payment would."""

    account: AccountNumber | None
    kid: str | None
    faults: Sequence[Refusal]


def checked_payee(creditor_account: str, kid: str | None) -> CheckedPayee:
    """Hold an account number and a KID against the rules of a payment, before anything else of it is known."""
    faults: list[Refusal] = []
    account = _creditor_account(creditor_account, faults)
    is_sound = _check_kid(kid, faults)
    return CheckedPayee(account, kid if is_sound else None, faults)


def _single_spaces(text: str) -> str:
    return " ".join(text.split())


def _canonical_number(text: str) -> str:
    """The IBAN, or the text itself where it is no account number at all."""
    with suppress(InvalidAccountNumber):
        return parse_account_number(text).iban
    return text


def _creditor_account(text: str, faults: list[Refusal]) -> AccountNumber | None:
    try:
        number = parse_account_number(text)
    except InvalidAccountNumber as error:
        faults.append(fault("INVALID_ACCOUNT_NUMBER", str(error), "creditorAccount"))
        return None
    if number.bban is None:
        message = "Payments go to Norwegian accounts for now."
        faults.append(fault("INVALID_ACCOUNT_NUMBER", message, "creditorAccount", text="ACCOUNT_NOT_NORWEGIAN"))
        return None
    return number


def _check_reference(given: PaymentInput, faults: list[Refusal]) -> None:
    if given.kid is not None and given.message is not None:
        faults.append(fault("INVALID_KID", "Give a KID or a message, not both.", "kid", text="KID_OR_MESSAGE"))
    _check_kid(given.kid, faults)


def _check_kid(kid: str | None, faults: list[Refusal]) -> bool:
    is_sound = kid is None or is_kid(kid)
    if not is_sound:
        faults.append(fault("INVALID_KID", "A KID is 2 to 25 digits with a valid check digit.", "kid"))
    return is_sound


def _check_date(day: date | None, today: date, faults: list[Refusal]) -> None:
    if day is None:
        return
    if day < today:
        faults.append(fault("INVALID_DATE", "The date has passed.", "executionDate", text="DATE_PASSED"))
    elif day > today + timedelta(days=MAX_DAYS_AHEAD):
        message = f"The date may be {MAX_DAYS_AHEAD} days ahead at most."
        latest = today + timedelta(days=MAX_DAYS_AHEAD)
        faults.append(fault("INVALID_DATE", message, "executionDate", text="DATE_TOO_FAR", values={"latest": latest}))
