"""Refunds of card payments, in part and in full, and disputes beside them."""

import asyncio
from typing import Any

import httpx
import pytest

from services.payments.card_status import CardStatusSync
from tests.builders.cards import (
    card_payment,
    confirm,
    key,
    paid,
    refund,
)
from tests.builders.gateway import Play, nodes


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_refunds_in_part_and_in_full(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000)

    part = await refund(kari, payment, 2_500)
    assert part["refund"]["status"] == "SUCCEEDED"
    assert part["payment"] == {
        "status": "SETTLED",
        "refundStatus": "PARTIAL",
        "refundedAmount": {"amountMinor": "2500"},
    }
    too_much = await refund(kari, payment, 7_501)
    rest = await refund(kari, payment)
    none_left = await refund(kari, payment)

    assert [(error["code"], error["field"]) for error in too_much["userErrors"]] == [
        ("INVALID_AMOUNT", ["input", "amount", "amountMinor"])
    ]
    assert "75,00" in too_much["userErrors"][0]["message"]
    assert rest["payment"]["refundStatus"] == "FULL"
    assert codes(none_left) == ["INVALID_STATE"]


async def test_the_same_key_refunds_once(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000)
    same = key()

    payloads = await asyncio.gather(*(refund(kari, payment, 1_000, idempotencyKey=same) for _ in range(5)))

    assert len({payload["refund"]["id"] for payload in payloads}) == 1
    assert (await card_payment(kari, payment))["refundedAmount"] == {"amountMinor": "1000"}


async def test_refunds_at_once_never_exceed_what_was_paid(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000)

    payloads = await asyncio.gather(*(refund(kari, payment, 6_000) for _ in range(4)))

    assert sum(not codes(payload) for payload in payloads) == 1
    assert (await card_payment(kari, payment))["refundedAmount"] == {"amountMinor": "6000"}


@pytest.mark.parametrize(
    ("method", "first", "hours", "then"),
    [("pm_card_pendingRefund", "PENDING", 1, "SUCCEEDED"), ("pm_card_refundFail", "SUCCEEDED", 24, "FAILED")],
)
async def test_a_refunds_outcome_comes_later(play: Play, method: str, first: str, hours: int, then: str) -> None:
    kari = await play.approved()
    payment = await paid(kari, 10_000, method)

    assert (await refund(kari, payment, 4_000))["refund"]["status"] == first
    await play.advance(hours=hours)

    later = await card_payment(kari, payment)
    assert [one["status"] for one in nodes(later["refunds"])] == [then]
    causes = [event["cause"] for event in nodes(later["history"]) if event["kind"] == "REFUND"]
    assert (causes[0], causes[-1]) == ("USER", "WEBHOOK")
    assert later["refundStatus"] == ("PARTIAL" if then == "SUCCEEDED" else "NONE")


async def test_a_refund_that_was_cut_off_before_it_was_sent_is_given_once(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    kari = await play.approved()
    payment, same = await paid(kari, 10_000), key()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as dying:
        dying.setattr(CardStatusSync, "send_refund", dies)
        with pytest.raises((asyncio.CancelledError, httpx.HTTPError, AssertionError)):
            await refund(kari, payment, 4_000, idempotencyKey=same)
    await play.advance(seconds=61)

    (given,) = nodes((await card_payment(kari, payment))["refunds"])
    assert given["status"] == "SUCCEEDED"
    assert (await refund(kari, payment, 4_000, idempotencyKey=same))["refund"]["id"] == given["id"]


async def test_a_disputed_payment_is_not_refunded(play: Play) -> None:
    kari = await play.approved()
    payment = await paid(kari)

    await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
    await play.settle()
    disputed = await card_payment(kari, payment)
    refused = await refund(kari, payment)
    await kari.http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "won"})
    await play.settle()

    assert disputed["disputes"][0]["status"] == "NEEDS_RESPONSE"
    assert disputed["disputes"][0]["evidenceDueBy"] == "2026-12-01T12:00:03.000Z"
    assert codes(refused) == ["INVALID_STATE"]
    won = await card_payment(kari, payment)
    assert won["disputes"][0]["status"] == "WON"
    assert [(event["kind"], event["cause"]) for event in nodes(won["history"])][-2:] == [("DISPUTE", "WEBHOOK")] * 2
    assert codes(await refund(kari, payment)) == []


async def test_a_bank_payment_is_not_refunded_and_a_strangers_payment_is_unknown(play: Play) -> None:
    kari, silje = await play.approved(), await play.approved("silje")
    payment = await paid(kari)

    assert codes(await refund(silje, payment)) == ["NOT_FOUND"]
    assert codes(await confirm(silje, payment)) == ["NOT_FOUND"]


async def test_refunds_that_the_vendor_does_not_take_have_failed_each(play: Play) -> None:
    kari = await play.approved()
    payments = [await paid(kari) for _ in range(2)]
    for intent in ("pi_000001", "pi_000002"):
        await kari.http.post(f"/sandbox/cards/disputes/{intent}", data={"decision": "open"})

    # The vendor knows of the disputes, and we do not yet: the vendor gives neither refund an id.
    refunds = [(await refund(kari, payment))["refund"] for payment in payments]

    assert [one["status"] for one in refunds] == ["FAILED", "FAILED"]
    shown = nodes((await card_payment(kari, payments[0]))["refunds"])[0]["failure"]
    assert shown == {"code": "NOT_ACCEPTED", "message": "Kortselskapet tok ikke imot tilbakebetalingen."}
