from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.account_number import AccountNumber
from domain.errors import Refusals
from domain.idempotency import fingerprint_of
from domain.ids import AccountId, PaymentId, UserId
from domain.money import Money
from domain.payment_order import PaymentInput, PaymentOrder, payment_order

TODAY = date(2026, 11, 24)
GIVEN = PaymentInput(
    debtor_account_id="acc_1",
    creditor_name="Ola  Nordmann",
    creditor_account="8601 11 17947",
    amount_minor=12_500,
    currency="NOK",
    idempotency_key="a-key-of-a-client",
    message="For the cabin",
)


def order(**changes: object) -> PaymentOrder:
    return payment_order(UserId("usr_1"), replace(GIVEN, **changes), TODAY)  # type: ignore[arg-type]  # a field each


def faults_of(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(Refusals) as refused:
        order(**changes)
    return [(refusal.code, ".".join(refusal.field)) for refusal in refused.value.refusals]


def test_what_the_rules_allow_is_taken_in_order_and_in_its_own_types() -> None:
    assert order() == PaymentOrder(
        user_id=UserId("usr_1"),
        debtor_account_id=AccountId("acc_1"),
        creditor_name="Ola Nordmann",
        creditor_account=AccountNumber("NO9386011117947", "86011117947"),
        amount=Money(12_500),
        idempotency_key="a-key-of-a-client",
        kid=None,
        message="For the cabin",
        execution_date=None,
        accept_duplicate_of=None,
        fingerprint=GIVEN.fingerprint,
    )


def test_one_wish_has_one_fingerprint_however_it_is_written() -> None:
    written = replace(GIVEN, creditor_name="Åse  Dahl", creditor_account="8601 11 17947", message="På hytta")
    other = replace(
        GIVEN, creditor_name="A\u030ase Dahl", creditor_account="NO93 8601 1117 947", message="Pa\u030a hytta"
    )

    assert written.fingerprint == other.fingerprint
    assert written.fingerprint != replace(written, message="På hytta!").fingerprint
    assert written.fingerprint != replace(written, execution_date=TODAY).fingerprint


def test_a_key_that_was_stored_by_the_older_rule_is_known() -> None:
    fields = ("acc_1", "Ola Nordmann", "NO9386011117947", 12_500, "NOK", None, "For the cabin")
    due = replace(GIVEN, execution_date=TODAY)

    assert fingerprint_of(*fields, None) in GIVEN.fingerprints
    assert {fingerprint_of(*fields, None), fingerprint_of(*fields, TODAY.isoformat())} < due.fingerprints


def test_all_faults_come_at_once_each_with_its_field() -> None:
    assert faults_of(
        creditor_name="",
        creditor_account="86011117948",
        amount_minor=0,
        currency="EUR",
        kid="12",
        message="\n",
        execution_date=TODAY - timedelta(days=1),
        idempotency_key="short",
    ) == [
        ("INVALID_ACCOUNT_NUMBER", "input.creditorAccount"),
        ("INVALID_TEXT", "input.creditorName"),
        ("INVALID_TEXT", "input.message"),
        ("UNSUPPORTED_CURRENCY", "input.amount.currency"),
        ("INVALID_AMOUNT", "input.amount.amountMinor"),
        ("INVALID_KID", "input.kid"),
        ("INVALID_KID", "input.kid"),
        ("INVALID_DATE", "input.executionDate"),
        ("INVALID_IDEMPOTENCY_KEY", "input.idempotencyKey"),
    ]


def test_a_foreign_account_is_refused_for_now() -> None:
    assert faults_of(creditor_account="DE89370400440532013000") == [("INVALID_ACCOUNT_NUMBER", "input.creditorAccount")]


@pytest.mark.parametrize(
    ("ahead", "execution_date"), [(0, None), (1, TODAY + timedelta(days=1)), (365, date(2027, 11, 24))]
)
def test_a_payment_for_today_is_a_payment_at_once_and_others_are_scheduled(
    ahead: int, execution_date: date | None
) -> None:
    assert order(execution_date=TODAY + timedelta(days=ahead)).execution_date == execution_date


@pytest.mark.parametrize("ahead", [-1, 366])
def test_a_date_that_has_passed_or_is_more_than_a_year_ahead_is_refused(ahead: int) -> None:
    assert faults_of(execution_date=TODAY + timedelta(days=ahead)) == [("INVALID_DATE", "input.executionDate")]


def test_a_kid_or_a_message_is_given_but_not_both() -> None:
    assert order(kid="1234567897", message=None).kid == "1234567897"
    assert order(kid=None, message=None).message is None
    assert faults_of(kid="1234567897") == [("INVALID_KID", "input.kid")]
    assert faults_of(kid="1234567890", message=None) == [("INVALID_KID", "input.kid")]


@pytest.mark.parametrize(("field", "longest"), [("creditor_name", 70), ("message", 140)])
def test_the_banks_limits_of_length_hold(field: str, longest: int) -> None:
    order(**{field: "x" * longest})

    assert [code for code, _ in faults_of(**{field: "x" * (longest + 1)})] == ["INVALID_TEXT"]


def test_an_accepted_duplicate_is_named_and_an_empty_name_is_none() -> None:
    assert order(accept_duplicate_of="pay_1").accept_duplicate_of == PaymentId("pay_1")
    assert order(accept_duplicate_of="").accept_duplicate_of is None


@pytest.mark.parametrize(
    "changes",
    [
        {"debtor_account_id": "acc_2"},
        {"creditor_name": "Kari"},
        {"creditor_account": "15030000010"},
        {"amount_minor": 12_501},
        {"message": "For the boat"},
        {"message": None},
        {"execution_date": TODAY + timedelta(days=1)},
    ],
)
def test_a_key_that_is_used_with_another_business_field_is_found_by_the_fingerprint(changes: dict[str, object]) -> None:
    assert order(**changes).fingerprint != order().fingerprint


def test_another_kid_is_another_payment() -> None:
    without_a_kid, with_a_kid = order(message=None), order(message=None, kid="1234567897")

    assert without_a_kid.fingerprint != with_a_kid.fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"idempotency_key": "another-key-of-it"},
        {"creditor_account": "NO93 8601 1117 947"},
        {"creditor_name": "Ola Nordmann"},
        {"accept_duplicate_of": "pay_1"},
    ],
)
def test_what_means_the_same_has_the_same_fingerprint(changes: dict[str, object]) -> None:
    assert order(**changes).fingerprint == order().fingerprint
