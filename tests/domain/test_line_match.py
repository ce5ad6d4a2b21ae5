from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.account_number import AccountNumber
from domain.bank_account import BankAccount, Transaction, TransactionStatus
from domain.ids import AccountId, BankId, BankLinkId, PaymentId, TransactionId, UserId
from domain.ledger import EntryKind, LedgerEntry
from domain.line_match import LineMatch, Oddity, match, oddity, unknown_payment
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


def moved(kind: EntryKind, minor: int) -> LedgerEntry:
    return LedgerEntry(kind, Money(minor, "NOK"), "v", "trx_2", NOON, PaymentId("pay_1"))


DEBITED = moved(EntryKind.BOOKED, 12_500)


@pytest.mark.parametrize("status", list(Status))
def test_the_whole_amount_that_left_the_own_account_is_the_payments_debit_however_it_stands(status: Status) -> None:
    # Here the bank has an id for it: a rejection was the bank's own word.
    expected = LineMatch.ODD if status is Status.REJECTED else LineMatch.DEBIT
    assert match(payment(status), line(-12_500), account(), []) is expected


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

    assert match(rejected, line(-12_500), account(), []) is (LineMatch.DEBIT if is_conclusion else LineMatch.ODD)
    assert (by_statement.status is Status.SETTLED) is is_conclusion
    assert (event is not None and event.cause is PaymentCause.VENDOR_CORRECTION) is is_conclusion
    assert by_webhook is rejected


@pytest.mark.parametrize(
    ("of", "told", "where", "others", "expected"),
    [
        # Another amount, currency or account; a second debit; a payment by card.
        (payment(), line(-12_499), account(), [], LineMatch.ODD),
        (payment(), line(-12_500, "EUR"), account(), [], LineMatch.ODD),
        (payment(), line(-12_500), account(OTHER), [], LineMatch.ODD),
        (payment(), line(-12_500), account(), [DEBITED], LineMatch.ODD),
        (payment(rail=Rail.CARD, debtor_account_id=None), line(-12_500), account(), [], LineMatch.ODD),
        # Money back: after the debit, or where the bank has called it settled; less a fee; never more than was paid.
        (payment(), line(12_500), account(), [], LineMatch.ODD),
        (payment(), line(12_500), account(), [DEBITED], LineMatch.RETURN),
        (payment(Status.SETTLED), line(12_500), account(), [], LineMatch.RETURN),
        (payment(Status.SETTLED), line(12_000), account(), [DEBITED], LineMatch.RETURN),
        (payment(Status.SETTLED), line(12_501), account(), [DEBITED], LineMatch.ODD),
        (payment(Status.SETTLED), line(12_000), account(), [DEBITED, moved(EntryKind.RETURNED, 12_000)], LineMatch.ODD),
        (payment(Status.SETTLED), line(12_500), account(OTHER), [DEBITED], LineMatch.ODD),
        # The payee may be a user of Drop, too.
        (payment(), line(12_500), account(OTHER, PAYEE), [], LineMatch.PAYEE),
        (payment(), line(12_400), account(OTHER, PAYEE), [], LineMatch.ODD),
    ],
)
def test_what_a_line_is_to_the_payment(
    of: Payment, told: Transaction, where: BankAccount, others: list[LedgerEntry], expected: LineMatch
) -> None:
    assert match(of, told, where, others) is expected


@pytest.mark.parametrize(
    ("of", "told", "where", "others", "expected"),
    [
        (payment(), line(-12_500, "EUR"), account(), [], Oddity.CURRENCY),
        (payment(), line(12_500, "EUR"), account(), [DEBITED], Oddity.CURRENCY),
        (payment(), line(-12_500), account(OTHER), [], Oddity.ACCOUNT),
        (payment(), line(12_500), account(OTHER), [DEBITED], Oddity.ACCOUNT),
        (payment(), line(-12_499), account(), [], Oddity.AMOUNT),
        (payment(), line(12_400), account(OTHER, PAYEE), [], Oddity.AMOUNT),
        (payment(), line(12_501), account(), [DEBITED], Oddity.AMOUNT),
        (payment(), line(12_500), account(), [], Oddity.DIRECTION),
        (payment(), line(-12_500), account(), [DEBITED], Oddity.SECOND_DEBIT),
        (payment(Status.REJECTED), line(-12_500), account(), [], Oddity.REJECTED),
        (payment(), line(-12_500), account(), [], None),
        (payment(), line(12_500), account(), [DEBITED], None),
    ],
)
def test_why_a_line_does_not_fit(
    of: Payment, told: Transaction, where: BankAccount, others: list[LedgerEntry], expected: Oddity | None
) -> None:
    assert oddity(of, told, where, others) is expected


@pytest.mark.parametrize(
    ("minor", "reference", "expected"),
    [
        (-900, "D-01K00000000000000000000000", Oddity.UNKNOWN_PAYMENT),
        (900, "D-01K00000000000000000000000", None),
        (-900, "D-1", None),
        (-900, "X-01K00000000000000000000000", None),
        (-900, None, None),
    ],
)
def test_a_debit_with_a_reference_of_our_form_is_of_a_payment_that_should_be_known(
    minor: int, reference: str | None, expected: Oddity | None
) -> None:
    assert unknown_payment(replace(line(minor), end_to_end_id=reference)) is expected


def test_what_a_later_version_has_stored_reads_as_other() -> None:
    assert Oddity("LATER") is Oddity.OTHER


def test_a_return_leaves_the_status_and_adds_up() -> None:
    first, event = payment(Status.SETTLED).with_return(Money(12_000, "NOK"), date(2026, 11, 26), NOON)
    second, _ = first.with_return(Money(500, "NOK"), date(2026, 11, 27), NOON)

    assert (event.kind, event.status, event.cause) == (PaymentEventKind.RETURN, Status.SETTLED, PaymentCause.STATEMENT)
    assert (first.status, first.returned, first.version) == (Status.SETTLED, Money(12_000, "NOK"), event.version)
    assert (second.returned_minor, second.returned_on) == (12_500, date(2026, 11, 27))


def test_a_return_that_the_bank_takes_back_does_not_count() -> None:
    first, _ = payment(Status.SETTLED).with_return(Money(12_000, "NOK"), date(2026, 11, 26), NOON)
    second, _ = first.with_return(Money(500, "NOK"), date(2026, 11, 27), NOON)
    left, _ = second.with_line_withdrawn(Money(500, "NOK"), NOON)
    none, event = left.with_line_withdrawn(Money(12_000, "NOK"), NOON)

    assert (left.returned_minor, left.returned_on) == (12_000, date(2026, 11, 27))
    assert (none.returned_minor, none.returned_on, none.status) == (0, None, Status.SETTLED)
    assert event.kind is PaymentEventKind.WITHDRAWN
