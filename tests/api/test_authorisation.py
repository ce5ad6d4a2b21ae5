"""What a user must do to approve: a page to visit, or an app to open, while it is awaited and no longer."""

from typing import Any

from tests.builders import cards
from tests.builders.gateway import CONNECT, Play, Player, a_payment, pay, payment_of

CANCEL = """mutation($id: ID!) { cancelPayment(input: {id: $id}) { payment { status cancellation {
  authorisationUrl authorisation { kind url message challenge expiresAt } } } userErrors { code } } }"""
CONFIRM = """mutation($input: ConfirmCardPaymentInput!) { confirmCardPayment(input: $input) { payment { id
  authorisationUrl authorisation { kind url message challenge expiresAt } } } }"""
SUBSCRIBE = """mutation($input: CreatePlanSubscriptionInput!) { createPlanSubscription(input: $input) {
  planSubscription { authorisationUrl authorisation { kind url message challenge expiresAt } } } }"""


def a_page(url: str, expires_at: str | None = None) -> dict[str, Any]:
    return {"kind": "REDIRECT", "url": url, "message": None, "challenge": None, "expiresAt": expires_at}


async def scheduled(kari: Player, account: str) -> dict[str, Any]:
    payment: dict[str, Any] = (await pay(kari, a_payment(account, executionDate="2026-12-01")))["payment"]
    await kari.press(payment["authorisation"]["url"], "approve")
    return payment


async def test_a_banks_page_is_awaited_until_its_end_is_known(play: Play) -> None:
    kari, account = await play.banked()

    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisation"]["url"], "approve")
    approved = await payment_of(kari, payment["id"])

    assert payment["authorisation"] == a_page(payment["authorisationUrl"], "2026-11-24T12:15:03.000Z")
    assert (approved["authorisation"], approved["authorisationUrl"]) == (None, None)


async def test_a_cancellation_has_an_approval_of_its_own(play: Play) -> None:
    kari, account = await play.banked()
    payment = await scheduled(kari, account)

    asked = (await kari.ask(CANCEL, id=payment["id"]))["cancelPayment"]["payment"]["cancellation"]
    await kari.press(asked["authorisation"]["url"], "approve")
    ended = await payment_of(kari, payment["id"])

    assert asked["authorisation"] == a_page(asked["authorisationUrl"])
    assert (ended["status"], ended["cancellation"]["authorisation"]) == ("CANCELLED", None)


async def test_a_bank_link_is_approved_on_a_page(play: Play) -> None:
    kari = await play.approved()

    asked = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]

    assert asked["authorisation"] == a_page(asked["authorisationUrl"], "2026-11-24T12:15:03.000Z")


async def test_3d_secure_is_a_page_for_payments_and_plans(play: Play) -> None:
    kari = await play.approved()
    created = (await cards.create(kari))["payment"]
    given = {"paymentMethod": cards.CHALLENGED, "idempotencyKey": cards.key()}

    confirmed = await kari.ask(CONFIRM, input={**given, "id": created["id"]})
    subscribed = await kari.ask(SUBSCRIBE, input={**given, "planId": "plan_plus"})

    asked = confirmed["confirmCardPayment"]["payment"]
    assert asked["authorisation"] == a_page(asked["authorisationUrl"])
    plan = subscribed["createPlanSubscription"]["planSubscription"]
    assert plan["authorisation"] == a_page(plan["authorisationUrl"])


async def test_an_approval_in_the_banks_app_is_seen_within_seconds_and_ends_with_its_time(play: Play) -> None:
    kari, account = await play.banked()

    payment = (await pay(kari, a_payment(account, amount_minor=100_04)))["payment"]
    other = (await pay(kari, a_payment(account, amount_minor=100_04)))["payment"]
    shown = await kari.http.get("/sandbox/bank/payments/obp-000001")
    stays = await kari.press("/sandbox/bank/payments/obp-000001", "approve")
    await play.advance(seconds=2)
    approved = await payment_of(kari, payment["id"])
    await play.advance(minutes=16)

    awaited = payment["authorisation"]
    assert (awaited["kind"], awaited["url"], payment["authorisationUrl"]) == ("DECOUPLED", None, None)
    assert awaited["message"].startswith("\u00c5pne BankID-appen")
    assert awaited["challenge"] in shown.text
    assert awaited["expiresAt"] == "2026-11-24T12:15:03.000Z"
    assert stays.status_code == 200
    assert approved["status"] in ("PROCESSING", "SETTLED")
    assert (await payment_of(kari, other["id"]))["status"] == "EXPIRED"
    assert len(await play.ledger()) == 1
