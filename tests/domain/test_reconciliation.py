"""Which differences there are between a vendor's object and what is stored of it."""

from dataclasses import replace

import pytest

from domain.money import Money
from domain.reconciliation import DifferenceKind, Listed, ObjectKind, Stored, difference

PAID = Money(10_000)
STORED = Stored("pay_1", "v_1", "SETTLED", PAID)


def listed(kind: ObjectKind = ObjectKind.PAYMENT, status: str | None = "SETTLED", **more: str) -> Listed:
    return Listed(kind, "v_1", status, PAID, **more)


@pytest.mark.parametrize(
    ("kind", "theirs", "ours"),
    [
        (ObjectKind.PAYMENT, "SETTLED", "SETTLED"),
        (ObjectKind.PAYMENT, "AUTHORISATION_REQUIRED", "CREATED"),
        (ObjectKind.PAYMENT, "CANCELLED", "EXPIRED"),
        (ObjectKind.PAYMENT, "CANCELLED", "FAILED"),
        (ObjectKind.PLAN, "INCOMPLETE", "CREATED"),
        (ObjectKind.PLAN_INVOICE, "PAID", "REFUNDED"),
    ],
)
def test_what_says_the_same_is_no_difference(kind: ObjectKind, theirs: str, ours: str) -> None:
    assert difference(listed(kind, theirs), replace(STORED, status=ours)) is None


@pytest.mark.parametrize(
    ("kind", "theirs", "ours"),
    [
        (ObjectKind.PAYMENT, "SETTLED", "CANCELLED"),
        (ObjectKind.PAYMENT, "AUTHORISATION_REQUIRED", "FAILED"),
        (ObjectKind.PAYMENT, "PROCESSING", "SETTLED"),
        (ObjectKind.PAYMENT, None, "SETTLED"),
        (ObjectKind.REFUND, "FAILED", "SUCCEEDED"),
        (ObjectKind.DISPUTE, "LOST", "WON"),
        (ObjectKind.PLAN, "ACTIVE", "ENDED"),
        (ObjectKind.PLAN_INVOICE, "VOID", "PAID"),
    ],
)
def test_another_status_is_a_difference(kind: ObjectKind, theirs: str | None, ours: str) -> None:
    assert difference(listed(kind, theirs), replace(STORED, status=ours)) is DifferenceKind.STATUS


def test_another_amount_or_currency_is_a_difference() -> None:
    for amount in (Money(10_001), Money(10_000, "EUR")):
        assert difference(listed(), replace(STORED, amount=amount)) is DifferenceKind.AMOUNT


def test_an_earlier_try_of_a_refund_says_nothing_of_the_refund() -> None:
    earlier = listed(ObjectKind.REFUND, "FAILED", our_id="ref_1")

    assert difference(earlier, replace(STORED, reference="v_2", status="SUCCEEDED")) is None
    assert difference(earlier, replace(STORED, reference=None, status="PENDING")) is DifferenceKind.STATUS


def test_what_is_unknown_here_is_a_difference_unless_nothing_moved() -> None:
    assert difference(listed(), None) is DifferenceKind.UNKNOWN_HERE
    assert difference(listed(status=None), None) is DifferenceKind.UNKNOWN_HERE
    assert difference(listed(status="CANCELLED"), None) is None
    assert difference(listed(status="CANCELLED", our_id="pay_9"), None) is DifferenceKind.UNKNOWN_HERE


def test_the_refund_of_a_plans_charge_is_known_by_its_invoice() -> None:
    given = listed(ObjectKind.REFUND, "SUCCEEDED", parent="in_1")
    invoice = Stored("pinv_1", "in_1", "REFUNDED", PAID)

    assert difference(given, None, invoice) is None
    assert difference(given, None, replace(invoice, status="PAID")) is DifferenceKind.UNKNOWN_HERE


def test_the_dispute_of_a_plans_charge_is_known_by_its_plan() -> None:
    disputed = listed(ObjectKind.DISPUTE, "NEEDS_RESPONSE", parent="sub_1")

    assert difference(disputed, None, Stored("psub_1", "sub_1", "ACTIVE", None)) is None
    assert difference(disputed, None, Stored("pay_1", "pi_1", "SETTLED", PAID)) is DifferenceKind.UNKNOWN_HERE
