"""Card payments from the wish to pay to the charge at the vendor."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.builders.cards import (
    CHALLENGED,
    DECLINED,
    card_payment,
    charges,
    confirm,
    create,
    key,
    paid,
    refund,
)
from tests.builders.gateway import Play, Player, a_payment, nodes, pay, query_of
from tests.builders.line import Line

CANCEL = "mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status } userErrors { code } } }"


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def test_a_card_that_works_settles_and_gives_a_receipt(play: Play) -> None:
    kari = await play.approved()

    created = await create(kari, 12_345, description="Drop Plus, gave")
    assert created["payment"]["status"] == "AUTHORISATION_REQUIRED"
    assert created["payment"]["creditor"] == {"name": "Drop AS", "account": "86011117947"}
    assert created["cardForm"]["clientSecret"].startswith("pi_")
    assert (created["cardForm"]["vendor"], created["cardForm"]["publishableKey"]) == ("mock", None)
    confirmed = (await confirm(kari, created["payment"]["id"]))["payment"]

    assert confirmed["status"] == "SETTLED"
    settled = await card_payment(kari, confirmed["id"])
    assert [event["status"] for event in nodes(settled["history"])] == ["CREATED", "AUTHORISATION_REQUIRED", "SETTLED"]
    assert settled["receipt"]["amount"] == {"amountMinor": "12345"}
    assert [charge["amount"] for charge in await charges(play)] == [12_345]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_visa_chargeDeclined", "CARD_DECLINED"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "INSUFFICIENT_FUNDS"),
        ("pm_card_visa_chargeDeclinedStolenCard", "CARD_DECLINED"),
        ("pm_card_chargeDeclinedExpiredCard", "CARD_EXPIRED"),
        ("pm_card_chargeDeclinedIncorrectCvc", "INCORRECT_CARD_DETAILS"),
        ("pm_card_chargeDeclinedProcessingError", "PROCESSING_ERROR"),
    ],
)
async def test_a_declined_card_leaves_the_payment_open_for_another(play: Play, method: str, code: str) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]

    declined = (await confirm(kari, payment["id"], method))["payment"]
    assert (declined["status"], declined["failure"]["code"]) == ("AUTHORISATION_REQUIRED", code)
    assert "stolen" not in declined["failure"]["message"].lower()
    again = (await confirm(kari, payment["id"]))["payment"]
    await play.settle()

    assert (again["status"], again["failure"]) == ("SETTLED", None)
    history = nodes((await card_payment(kari, payment["id"]))["history"])
    assert [(event["status"], (event["failure"] or {}).get("code")) for event in history] == [
        ("CREATED", None),
        ("AUTHORISATION_REQUIRED", None),
        ("AUTHORISATION_REQUIRED", code),
        ("SETTLED", None),
    ]
    assert len(await charges(play)) == 1


@pytest.mark.parametrize(
    ("decision", "status", "code"),
    [("approve", "SETTLED", None), ("refuse", "AUTHORISATION_REQUIRED", "AUTHENTICATION_FAILED")],
)
async def test_3d_secure_is_answered_at_the_cards_bank(
    play: Play, decision: str, status: str, code: str | None
) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]

    asked = (await confirm(kari, payment["id"], CHALLENGED))["payment"]
    assert asked["status"] == "AUTHORISATION_REQUIRED"
    back = await kari.press(asked["authorisationUrl"], decision)

    assert back.status_code == 200
    assert query_of(str(back.url)) == {"payment": payment["id"], "outcome": f"{decision}d"}
    ended = await card_payment(kari, payment["id"])
    assert (ended["status"], (ended["failure"] or {}).get("code"), ended["authorisationUrl"]) == (status, code, None)


async def test_a_card_is_typed_on_the_vendors_own_page(play: Play) -> None:
    kari = await play.approved()
    created = await create(kari)
    page = created["cardForm"]["url"]

    declined = await kari.http.post(page, data={"number": "4000 0000 0000 0002"})
    unknown = await kari.http.post(page, data={"number": "1234 1234 1234 1234"})
    await play.settle()
    assert (declined.status_code, unknown.status_code) == (402, 400)
    assert (await card_payment(kari, created["payment"]["id"]))["failure"]["code"] == "CARD_DECLINED"
    await kari.http.post(page, data={"number": "4242 4242 4242 4242"})
    await play.settle()

    settled = await card_payment(kari, created["payment"]["id"])
    assert settled["status"] == "SETTLED"
    assert nodes(settled["history"])[-1]["cause"] == "WEBHOOK"


async def test_the_same_keys_give_the_same_payment_and_the_same_try(play: Play) -> None:
    kari = await play.approved()
    create_key, confirm_key = key(), key()

    created = await asyncio.gather(*(create(kari, idempotencyKey=create_key) for _ in range(5)))
    identifier = created[0]["payment"]["id"]
    tries = await asyncio.gather(*(confirm(kari, identifier, idempotencyKey=confirm_key) for _ in range(5)))
    after = await confirm(kari, identifier, idempotencyKey=confirm_key)
    other = await confirm(kari, identifier, DECLINED, idempotencyKey=confirm_key)

    assert {payload["payment"]["id"] for payload in created} == {identifier}
    assert all(payload["userErrors"] == [] for payload in tries)
    assert after["payment"]["status"] == "SETTLED"
    assert codes(other) == ["IDEMPOTENCY_KEY_REUSED"]
    assert len(await charges(play)) == 1


async def test_two_tries_at_once_charge_once(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]

    await asyncio.gather(*(confirm(kari, payment["id"]) for _ in range(5)))

    assert (await card_payment(kari, payment["id"]))["status"] == "SETTLED"
    assert len(await charges(play)) == 1


async def test_a_payment_is_cancelled_before_it_is_paid_and_not_after(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]
    settled = await paid(kari)

    cancelled = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]
    late = (await kari.ask(CANCEL, id=settled))["cancelPayment"]

    assert cancelled == {"payment": {"status": "CANCELLED"}, "userErrors": []}
    assert codes(late) == ["INVALID_STATE"]
    assert codes(await confirm(kari, payment["id"])) == ["INVALID_STATE"]


async def test_what_nobody_pays_expires_after_a_day(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]

    await play.advance(days=2)

    ended = await card_payment(kari, payment["id"])
    assert (ended["status"], ended["failure"]["code"]) == ("EXPIRED", "AUTHORISATION_EXPIRED")


@pytest.mark.parametrize(
    ("amount", "currency", "code", "field"),
    [
        (0, "NOK", "INVALID_AMOUNT", "amountMinor"),
        (-1, "NOK", "INVALID_AMOUNT", "amountMinor"),
        (299, "NOK", "INVALID_AMOUNT", "amountMinor"),
        (100_000_001, "NOK", "INVALID_AMOUNT", "amountMinor"),
        (500, "EUR", "UNSUPPORTED_CURRENCY", "currency"),
    ],
)
async def test_amounts_that_no_card_can_pay(play: Play, amount: int, currency: str, code: str, field: str) -> None:
    kari = await play.approved()

    payload = await create(kari, amount={"amountMinor": str(amount), "currency": currency})

    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [(code, ["input", "amount", field])]


@pytest.mark.parametrize(
    "method", ["4242424242424242", "4242 4242 4242 4242", "pm_4242424242424242", "visa", "pm_", ""]
)
async def test_what_is_no_payment_methods_id_is_refused_and_not_repeated(play: Play, method: str) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]

    payload = await confirm(kari, payment["id"], method)

    assert codes(payload) == ["INVALID_PAYMENT_METHOD"]
    assert "4242" not in payload["userErrors"][0]["message"]


async def test_only_approved_users_pay_by_card(play: Play) -> None:
    somebody = await play.person("new")

    assert codes(await create(somebody)) == ["KYC_REQUIRED"]


class TestTheVendorsLine:
    """The line to the vendor fails: nothing is charged twice, and the outcome is found."""

    @pytest.fixture
    async def kari(self, play: Play) -> Player:
        player = await play.approved()
        await play.settle()
        return player

    async def test_an_answer_to_the_creation_that_was_lost_is_found(self, play: Play, kari: Player) -> None:
        Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)

        doubted = (await create(kari))["payment"]
        assert (doubted["status"], doubted["inDoubt"]) == ("CREATED", True)
        await play.advance(seconds=60)

        found = await card_payment(kari, doubted["id"])
        assert (found["status"], found["inDoubt"]) == ("AUTHORISATION_REQUIRED", False)
        assert (await confirm(kari, doubted["id"]))["payment"]["status"] == "SETTLED"

    async def test_an_answer_to_the_charge_that_was_lost_is_found_and_not_charged_again(
        self, play: Play, kari: Player
    ) -> None:
        payment = (await create(kari))["payment"]
        Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)

        doubted = (await confirm(kari, payment["id"]))["payment"]
        again = await confirm(kari, payment["id"])
        assert doubted["inDoubt"] is True
        assert codes(again) == ["IN_DOUBT"]
        await play.settle()

        assert (await card_payment(kari, payment["id"]))["status"] == "SETTLED"
        assert len(await charges(play)) == 1

    async def test_a_charge_that_never_arrived_ends_in_doubt_and_then_in_another_try(
        self, play: Play, kari: Player
    ) -> None:
        payment = (await create(kari))["payment"]
        Line(play.gateway.sandbox).harm(at=1, before=httpx.ReadTimeout("lost on its way"), times=3)

        assert (await confirm(kari, payment["id"]))["payment"]["inDoubt"] is True
        await play.advance(seconds=61)

        found = await card_payment(kari, payment["id"])
        assert (found["status"], found["inDoubt"]) == ("AUTHORISATION_REQUIRED", False)
        assert found["failure"]["code"] == "PROVIDER_UNAVAILABLE"
        assert (await confirm(kari, payment["id"]))["payment"]["status"] == "SETTLED"
        assert len(await charges(play)) == 1

    async def test_where_nobody_listens_nothing_is_charged_and_the_error_is_clear(
        self, play: Play, kari: Player
    ) -> None:
        payment = (await create(kari))["payment"]
        line = Line(play.gateway.sandbox)
        line.cut()

        away = (await confirm(kari, payment["id"]))["payment"]
        failed = (await create(kari))["payment"]
        late = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]

        assert (away["status"], away["failure"]["code"]) == ("AUTHORISATION_REQUIRED", "PROVIDER_UNAVAILABLE")
        assert (failed["status"], failed["failure"]["code"]) == ("FAILED", "PROVIDER_UNAVAILABLE")
        assert codes(late) == ["PROVIDER_UNAVAILABLE"]

    async def test_a_refund_that_was_not_answered_is_sent_again_under_its_own_key(
        self, play: Play, kari: Player
    ) -> None:
        payment = await paid(kari, 10_000)
        Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)

        assert (await refund(kari, payment, 4_000))["refund"]["status"] == "PENDING"
        await play.advance(seconds=60)

        found = await card_payment(kari, payment)
        assert [one["status"] for one in nodes(found["refunds"])] == ["SUCCEEDED"]
        assert found["refundedAmount"] == {"amountMinor": "4000"}


async def test_who_lost_the_approval_confirms_nothing(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE kyc_application SET status = 'REJECTED'"))  # its jobs are yet to come

    refused = await confirm(kari, payment["id"])

    assert [error["code"] for error in refused["userErrors"]] == ["KYC_REQUIRED"]
    assert await charges(play) == []


async def test_losing_kyc_approval_cancels_what_is_not_paid(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]
    (applicant,) = {delivery for delivery in await _applicants(play)}

    await kari.http.post(f"/sandbox/applicants/{applicant}", data={"verdict": "rejected"})
    await play.settle()

    cancelled = await card_payment(kari, payment["id"])
    assert (cancelled["status"], nodes(cancelled["history"])[-1]["cause"]) == ("CANCELLED", "KYC_LOST")


async def test_a_payment_that_the_vendor_tells_of_after_the_loss_is_cancelled_too(play: Play) -> None:
    kari = await play.approved()
    Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)
    payment = (await create(kari))["payment"]
    (applicant,) = {delivery for delivery in await _applicants(play)}
    await kari.http.post(f"/sandbox/applicants/{applicant}", data={"verdict": "rejected"})
    await play.settle()
    waiting = await card_payment(kari, payment["id"])

    await play.advance(seconds=60)

    ended = await card_payment(kari, payment["id"])
    assert (waiting["status"], waiting["inDoubt"]) == ("CREATED", True)
    assert (ended["status"], nodes(ended["history"])[-1]["cause"]) == ("CANCELLED", "KYC_LOST")
    assert all(event["status"] != "SETTLED" for event in nodes(ended["history"]))


async def _applicants(play: Play) -> list[str]:
    page = (await play.browser().http.get("/sandbox/")).text
    return [part.split('"')[0] for part in page.split('action="/sandbox/applicants/')[1:]]


async def test_payments_are_listed_by_rail(play: Play) -> None:
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    await paid(kari)

    listed = {}
    for rails in (["BANK"], ["CARD"], ["BANK", "CARD"], None):
        query = """query($rails: [PaymentRail!]) { viewer { payments(filter: {rails: $rails}) {
          edges { node { rail } } } } }"""
        edges = (await kari.ask(query, rails=rails))["viewer"]["payments"]["edges"]
        listed[str(rails)] = sorted(edge["node"]["rail"] for edge in edges)

    assert listed == {
        "['BANK']": ["BANK"],
        "['CARD']": ["CARD"],
        "['BANK', 'CARD']": ["BANK", "CARD"],
        "None": ["BANK", "CARD"],
    }


async def test_a_user_is_one_customer_however_often_they_pay(play: Play) -> None:
    kari, silje = await play.approved(), await play.approved("silje")
    for player in (kari, kari, silje):
        await paid(player)

    vendor = play.gateway.sandbox
    intents = [(await vendor.get(f"/cards/payment_intents/pi_{number:06d}")).json() for number in (1, 2, 3)]
    assert intents[0]["customer"] == intents[1]["customer"] != intents[2]["customer"]


async def test_a_webhook_that_stripe_did_not_sign_is_refused(play: Play) -> None:
    http = play.browser().http
    body = b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}}'

    for headers in ({}, {"stripe-signature": "t=1,v1=00"}, {"stripe-signature": "nonsense"}):
        assert (await http.post("/api/webhooks/stripe", content=body, headers=headers)).status_code == 401
