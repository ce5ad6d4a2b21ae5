import pytest

from domain.card_payment import (
    CardPaymentInput,
    CardPaymentOrder,
    card_payment_order,
    check_confirmation,
    check_payment_method,
)
from domain.errors import Refusal, Refusals
from domain.ids import UserId
from domain.money import Money

KEY = "a-key-of-a-client"


def order(
    amount_minor: int = 12_500,
    *,
    currency: str = "NOK",
    description: str | None = "A coffee",
    idempotency_key: str = KEY,
) -> CardPaymentOrder:
    return card_payment_order(UserId("usr_1"), CardPaymentInput(amount_minor, currency, idempotency_key, description))


def faults_of(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(Refusals) as refused:
        order(**changes)  # type: ignore[arg-type]  # the fields under test
    return [(refusal.code, refusal.field[-1]) for refusal in refused.value.refusals]


@pytest.mark.parametrize("amount_minor", [300, 100_000_000])
def test_three_kroner_to_a_million_can_be_paid_by_card(amount_minor: int) -> None:
    assert order(amount_minor).amount == Money(amount_minor)


@pytest.mark.parametrize("amount_minor", [-300, 0, 299, 100_000_001])
def test_other_amounts_cannot(amount_minor: int) -> None:
    assert faults_of(amount_minor=amount_minor) == [("INVALID_AMOUNT", "amountMinor")]


def test_all_faults_come_at_once() -> None:
    assert faults_of(amount_minor=0, currency="EUR", description=" ", idempotency_key="short") == [
        ("UNSUPPORTED_CURRENCY", "currency"),
        ("INVALID_AMOUNT", "amountMinor"),
        ("INVALID_TEXT", "description"),
        ("INVALID_IDEMPOTENCY_KEY", "idempotencyKey"),
    ]


def test_a_description_has_140_characters_at_most_and_may_be_left_out() -> None:
    assert order(description="x" * 140).description == "x" * 140
    assert order(description=None).description is None
    assert faults_of(description="x" * 141) == [("INVALID_TEXT", "description")]


def test_the_fingerprint_is_that_of_the_business_fields_alone() -> None:
    same = order(idempotency_key="another-key-of-it")
    others = [order(12_501), order(description=None), order(description="A tea")]

    assert same.fingerprint == order().fingerprint
    assert len({order().fingerprint, *(other.fingerprint for other in others)}) == 4


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_1", "pm_" + "a" * 100])
def test_a_vendors_payment_method_is_taken(method: str) -> None:
    check_confirmation(method, KEY)


@pytest.mark.parametrize(
    "method",
    [
        "",
        "pm_",
        "tok_visa",
        "pm_" + "a" * 101,
        "4242424242424242",
        "pm_4242424242424242",
        "pm_424242424242",
        "4242 4242 4242 4242",
        "x pm_1",
    ],
)
def test_anything_else_is_refused_without_repeating_it_since_it_may_be_a_card_number(method: str) -> None:
    faults: list[Refusal] = []

    check_payment_method(method, faults)

    assert [fault.code for fault in faults] == ["INVALID_PAYMENT_METHOD"]
    assert not method or method not in faults[0].message.replace("(pm_...)", "")


def test_a_confirmation_names_the_faults_of_method_and_key() -> None:
    with pytest.raises(Refusals) as refused:
        check_confirmation("4242424242424242", "short")

    assert [fault.field[-1] for fault in refused.value.refusals] == ["paymentMethod", "idempotencyKey"]
