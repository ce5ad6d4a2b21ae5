from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.account_number import AccountNumber
from domain.bank_account import BankAccount, Transaction, TransactionStatus
from domain.ids import AccountId, BankId, BankLinkId, PaymentId, TransactionId, UserId
from domain.line_match import LineMatch, match
from domain.money import Money
from domain.payment import (
    Failure,
    FailureCode,
    Payment,
    PaymentCause,
    PaymentEventKind,
    Rail,
    Status,
    StatusUpdate,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAYEE = AccountNumber("NO9386011117947", "86011117947")
OWN, OTHER = AccountId("acc_1"), AccountId("acc_2")


def payment(status: Status = Status.PROCESSING, **more: object) -> Payment:
    found = Payment(
        PaymentId("pay_1"), UserId("usr_1"), "v", Money(12_500, "NOK"), "Kari", PAYEE, NOON, OWN, vendor_payment_id="b"
    )
    return replace(found, status=status, end_to_end_id="D-1", **more)  # type: ignore[arg-type]


def account(identifier: AccountId = OWN, number: AccountNumber | None = None) -> BankAccount:
    number = number or AccountNumber("NO2612345678903", "12345678903")
    bank, link = BankId("bank_dnb"), BankLinkId("bnk_1")
    return BankAccount(identifier, UserId("usr_1"), link, bank, number, "NOK", "Konto", "Kari", True, None)


def line(minor: int, currency: str = "NOK") -> Transaction:
    amount = Money(minor, currency)
    booked, none = TransactionStatus.BOOKED, (None, None, None, None)
    return Transaction(TransactionId("trx_1"), OWN, booked, amount, date(2026, 11, 25), *none, "D-1")


@pytest.mark.parametrize("status", list(Status))
def test_the_whole_amount_that_left_the_own_account_is_the_payments_debit_however_it_stands(status: Status) -> None:
    # Here the bank has an id for it: a rejection was the bank's own word.
    expected = LineMatch.ODD if status is Status.REJECTED else LineMatch.DEBIT
    assert match(payment(status), line(-12_500), account(), was_debited=False) is expected


@pytest.mark.parametrize(
    ("given", "is_conclusion"),
    [
        ({}, False),
        ({"failure": Failure(FailureCode.INSUFFICIENT_FUNDS)}, False),
        ({"failure": Failure(FailureCode.AUTHORISATION_REFUSED)}, True),
        ({"vendor_payment_id": None}, True),
    ],
)
def test_a_rejection_that_drop_concluded_is_corrected_by_the_statement_alone(
    given: dict[str, object], is_conclusion: bool
) -> None:
    rejected = payment(Status.REJECTED, **given)

    by_statement, event = rejected.apply(StatusUpdate(Status.SETTLED, PaymentCause.STATEMENT, NOON))
    by_webhook, _ = rejected.apply(StatusUpdate(Status.SETTLED, PaymentCause.WEBHOOK, NOON))

    assert match(rejected, line(-12_500), account(), was_debited=False) is (
        LineMatch.DEBIT if is_conclusion else LineMatch.ODD
    )
    assert (by_statement.status is Status.SETTLED) is is_conclusion
    assert (event is not None and event.cause is PaymentCause.VENDOR_CORRECTION) is is_conclusion
    assert by_webhook is rejected


@pytest.mark.parametrize(
    ("of", "told", "where", "was_debited", "expected"),
    [
        # Another amount, currency or account; a second debit; a payment by card.
        (payment(), line(-12_499), account(), False, LineMatch.ODD),
        (payment(), line(-12_500, "EUR"), account(), False, LineMatch.ODD),
        (payment(), line(-12_500), account(OTHER), False, LineMatch.ODD),
        (payment(), line(-12_500), account(), True, LineMatch.ODD),
        (payment(rail=Rail.CARD, debtor_account_id=None), line(-12_500), account(), False, LineMatch.ODD),
        # Money back: after the debit, or where the bank has called it settled; less a fee; never more than was paid.
        (payment(), line(12_500), account(), False, LineMatch.ODD),
        (payment(), line(12_500), account(), True, LineMatch.RETURN),
        (payment(Status.SETTLED), line(12_500), account(), False, LineMatch.RETURN),
        (payment(Status.SETTLED), line(12_000), account(), True, LineMatch.RETURN),
        (payment(Status.SETTLED), line(12_501), account(), True, LineMatch.ODD),
        (payment(Status.SETTLED, returned_minor=12_000), line(12_000), account(), True, LineMatch.ODD),
        (payment(Status.SETTLED), line(12_500), account(OTHER), True, LineMatch.ODD),
        # The payee may be a user of Drop, too.
        (payment(), line(12_500), account(OTHER, PAYEE), False, LineMatch.PAYEE),
        (payment(), line(12_400), account(OTHER, PAYEE), False, LineMatch.ODD),
    ],
)
def test_what_a_line_is_to_the_payment(
    of: Payment, told: Transaction, where: BankAccount, was_debited: bool, expected: LineMatch
) -> None:
    assert match(of, told, where, was_debited=was_debited) is expected


def test_a_return_leaves_the_status_and_adds_up() -> None:
    first, event = payment(Status.SETTLED).with_return(Money(12_000, "NOK"), date(2026, 11, 26), NOON)
    second, _ = first.with_return(Money(500, "NOK"), date(2026, 11, 27), NOON)

    assert (event.kind, event.status, event.cause) == (PaymentEventKind.RETURN, Status.SETTLED, PaymentCause.STATEMENT)
    assert (first.status, first.returned, first.version) == (Status.SETTLED, Money(12_000, "NOK"), event.version)
    assert (second.returned_minor, second.returned_on) == (12_500, date(2026, 11, 27))
