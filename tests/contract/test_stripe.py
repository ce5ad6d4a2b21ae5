"""What is Stripe's alone: keys that lapse, pages, prices, and localstripe as a second judge of the shapes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from domain.errors import InDoubt, InvalidState, Unavailable
from domain.ids import AttemptId, UserId
from domain.money import Money
from domain.payment import Status
from domain.plan import PLANS, PlanStatus
from domain.reconciliation import ObjectKind
from domain.refund import RefundFailureCode, RefundStatus
from gateway.assembly.clocks import SystemClock
from providers.calling.guard import Guard
from providers.card_payments import stripe
from providers.card_payments.stripe import StripeCardPayments
from providers.stripe_sdk import Stripe
from tests.builders.counterpart import answer, counterpart
from tests.builders.sandbox import STRIPE_SECRET, Sandbox
from tests.builders.server import free_port
from tests.contract.conftest import NOON
from tests.contract.test_card_payments import (
    CALLBACK,
    KARI,
    VISA,
    AtVendor,
    a_refund,
    a_subscription,
)
from tests.vendors import stripe as face

JSON = "application/json"


def a_guard() -> Guard:
    return Guard("card_payments", stripe.RESILIENCE, stripe.RETRIED, vendor="stripe")


def adapter_of(sandbox: Sandbox, vendor: face.Stripe) -> StripeCardPayments:
    client = Stripe(sandbox.outside(face.app(vendor)), a_guard(), api_key=face.API_KEY, base_url="https://api.example")
    return StripeCardPayments(client, webhook_secret=STRIPE_SECRET, prices=face.PRICES, clock=sandbox.clock)


@pytest.fixture
def vendor(sandbox: Sandbox) -> face.Stripe:
    return face.Stripe(sandbox.inner, sandbox.clock)


@pytest.fixture
def stripe_cards(sandbox: Sandbox, vendor: face.Stripe) -> StripeCardPayments:
    return adapter_of(sandbox, vendor)


def a_day_passes(sandbox: Sandbox) -> None:
    """Stripe forgets its keys."""
    sandbox.clock.at += timedelta(hours=25)


async def test_a_subscription_asked_for_a_day_later_is_found_and_not_charged_again(
    sandbox: Sandbox, vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    at_vendor = AtVendor(stripe_cards, sandbox)
    first = await at_vendor.subscribed()

    a_day_passes(sandbox)
    customer = (await vendor.read_subscription({}, "", first.reference))["customer"]
    again = await stripe_cards.create_subscription(
        a_subscription(), PLANS["plan_plus"], customer, "pm_card_mastercard", CALLBACK
    )

    assert again.terms is not None
    assert (again.reference, again.terms.status) == (first.reference, PlanStatus.ACTIVE)
    assert await at_vendor.charged() == [4_900]


async def test_a_subscription_whose_first_charge_was_never_sent_is_charged_a_day_later(
    sandbox: Sandbox, vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    at_vendor = AtVendor(stripe_cards, sandbox)
    customer = await stripe_cards.create_customer(KARI, "Kari", NOON)
    sandbox.line.harm(at=2, before=httpx.ConnectError("gone"), times=9)
    with pytest.raises(InDoubt):
        await stripe_cards.create_subscription(a_subscription(), PLANS["plan_plus"], customer, VISA, CALLBACK)
    sandbox.line.mend()

    a_day_passes(sandbox)
    later = await stripe_cards.create_subscription(a_subscription(), PLANS["plan_plus"], customer, VISA, CALLBACK)

    assert later.terms is not None
    assert later.terms.status is PlanStatus.ACTIVE
    assert await at_vendor.charged() == [4_900]


async def test_a_method_that_stripe_does_not_know_leaves_no_subscription(
    sandbox: Sandbox, vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    with pytest.raises(InvalidState):
        await AtVendor(stripe_cards, sandbox).subscribed("pm_unheard_of")

    assert (vendor.waiting, vendor.subscriptions) == ({}, {})


async def test_more_refunds_than_a_page_holds_are_all_read(sandbox: Sandbox, stripe_cards: StripeCardPayments) -> None:
    paid = await AtVendor(stripe_cards, sandbox).confirmed()
    for number in range(12):
        await stripe_cards.refund(paid.reference, a_refund(number, 100))

    refunds = (await stripe_cards.retrieve(paid.reference)).refunds

    assert {one.refund_id for one in refunds} == {f"ref_{number}" for number in range(12)}


async def test_a_price_that_is_not_ours_is_named(sandbox: Sandbox, vendor: face.Stripe) -> None:
    await adapter_of(sandbox, vendor).check()

    client = Stripe(sandbox.outside(face.app(vendor)), a_guard(), api_key=face.API_KEY, base_url="https://api.example")
    swapped = {**face.PRICES, "plan_premium": "price_1"}
    with pytest.raises(Unavailable, match="plan_premium"):
        await StripeCardPayments(client, webhook_secret="", prices=swapped, clock=sandbox.clock).check()
    unknown = {**face.PRICES, "plan_premium": "price_9"}
    with pytest.raises(Unavailable, match="resource_missing"):
        await StripeCardPayments(client, webhook_secret="", prices=unknown, clock=sandbox.clock).check()


async def test_a_key_that_is_not_taken_is_unavailable(sandbox: Sandbox, vendor: face.Stripe) -> None:
    client = Stripe(sandbox.outside(face.app(vendor)), a_guard(), api_key="sk_test_old", base_url="https://api.example")
    adapter = StripeCardPayments(client, webhook_secret="", prices=face.PRICES, clock=sandbox.clock)

    with pytest.raises(Unavailable, match="401 api_key_invalid"):
        await adapter.confirm("pi_1", VISA, AttemptId("att_1"), CALLBACK)


async def test_a_declined_card_without_its_payment_is_a_doubt_that_tells_no_secret() -> None:
    said = '{"error": {"type": "card_error", "code": "card_declined", "message": "pi_1_secret_abc"}}'
    async with counterpart(answer(402, said, content_type=JSON)) as vendor, httpx.AsyncClient() as http:
        client = Stripe(http, a_guard(), api_key=face.API_KEY, base_url=vendor.url)
        adapter = StripeCardPayments(client, webhook_secret="", prices=face.PRICES, clock=SystemClock())
        with capture_logs() as logs, pytest.raises(Exception, match="no answer to confirm") as caught:
            await adapter.confirm("pi_1", VISA, AttemptId("att_1"), CALLBACK)

    assert "secret" not in f"{logs} {caught.value}"
    assert {heard.headers["idempotency-key"] for heard in vendor.requests} == {"att_1"}
    assert {heard.headers["stripe-version"] for heard in vendor.requests} == {"2023-10-16"}


# Against localstripe


@pytest.fixture
async def local() -> AsyncIterator[str]:
    """Its address."""
    port = free_port()
    command = (str(Path(sys.executable).parent / "localstripe"), "--from-scratch", "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        await process.stdout.readuntil(b"Running on")
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        await process.wait()


async def test_localstripe_agrees_on_customers_charges_refunds_and_signatures(local: str) -> None:
    heard: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head if line)}
        heard.put_nowait((await reader.readexactly(int(headers["content-length"])), headers))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with httpx.AsyncClient() as http, await asyncio.start_server(receive, "127.0.0.1", 0) as inbox:
        client = Stripe(http, a_guard(), api_key="sk_test_12345", base_url=local)
        adapter = StripeCardPayments(client, webhook_secret="whsec_1", prices=face.PRICES, clock=SystemClock())
        hook = {
            "url": f"http://127.0.0.1:{inbox.sockets[0].getsockname()[1]}/",
            "secret": "whsec_1",
            "events[]": "payment_intent.succeeded",
        }
        assert (await http.post(f"{local}/_config/webhooks/drop", data=hook)).is_success
        customer = await adapter.create_customer(UserId("usr_kari"), "Kari Nordmann", SystemClock().now())
        # Confirming on its own, and automatic methods, it does not know: its own way of paying is taken.
        method = await client.api.payment_methods.create_async(
            {"type": "card", "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}}
        )
        await client.api.payment_methods.attach_async(method.id, {"customer": customer})
        paid = await client.api.payment_intents.create_async(
            {
                "amount": 12_500,
                "currency": "nok",
                "customer": customer,
                "payment_method": method.id,
                "confirm": True,
                "metadata": {"orderId": "pay_1"},
            }
        )

        refund = await adapter.refund(paid.id, replace(a_refund(1, 2_500), created_at=SystemClock().now()))
        state = await adapter.cancel(paid.id)
        event = adapter.parse_webhook(*await heard.get())
        await adapter.delete_customer(customer)
        await adapter.delete_customer(customer)

    assert refund.status is RefundStatus.SUCCEEDED
    assert (state.reference, state.status, list(state.disputes)) == (paid.id, Status.SETTLED, [])
    assert [(one.refund_id, one.amount) for one in state.refunds] == [("ref_1", Money(2_500))]
    assert (event.kind, event.payment_reference, event.payment_id) == ("payment_intent.succeeded", paid.id, "pay_1")


def odd_refunds(*ids: str | None) -> list[dict[str, object] | None]:
    made = {"object": "refund", "status": "succeeded", "amount": 100, "currency": "nok", "payment_intent": "pi_1"}
    return [{**made, "id": identifier} if identifier else None for identifier in ids]


def counted() -> float:
    return REGISTRY.get_sample_value("drop_card_items_unreadable_total", {"of": "refund"}) or 0


async def all_of(cards: StripeCardPayments, kind: ObjectKind) -> list[str]:
    found, after = list[str](), None
    while True:
        page = await cards.listed(kind, NOON - timedelta(days=7), NOON + timedelta(days=1), after)
        found += [one.reference for one in page.objects]
        after = page.after
        if after is None:
            return found


async def test_an_item_without_an_id_at_the_end_of_a_page_does_not_end_the_list(
    vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    numbered = [f"re_{number:03}" for number in range(150)]
    vendor.more["refunds"] = odd_refunds(*numbered[:98], None, None, *numbered[98:])
    before = counted()

    assert await all_of(stripe_cards, ObjectKind.REFUND) == numbered

    assert counted() > before


async def test_a_page_of_nothing_but_items_without_ids_is_no_end_of_a_list(
    vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    vendor.more["refunds"] = odd_refunds(*[None] * 100, "re_1")

    with pytest.raises(Unavailable):
        await all_of(stripe_cards, ObjectKind.REFUND)


async def test_all_refunds_of_a_payment_are_read_whatever_stands_at_the_end_of_a_page(
    sandbox: Sandbox, vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    paid = await AtVendor(stripe_cards, sandbox).confirmed()
    for number in range(12):
        await stripe_cards.refund(paid.reference, a_refund(number, 100))
    vendor.more["refunds"] = odd_refunds(*[f"re_{number:03}" for number in range(99)], None)

    refunds = (await stripe_cards.retrieve(paid.reference)).refunds

    assert {f"ref_{number}" for number in range(12)} < {one.refund_id for one in refunds}


async def test_an_invoice_that_was_paid_without_a_card_is_not_given_back_by_one(
    sandbox: Sandbox, vendor: face.Stripe, stripe_cards: StripeCardPayments
) -> None:
    at_vendor = AtVendor(stripe_cards, sandbox)
    (invoice,) = (await at_vendor.subscribed()).invoices
    vendor.odd_invoice = {"payment_intent": None}

    given = await stripe_cards.refund_invoice(invoice.reference)

    assert (given.status, given.failure) == (RefundStatus.FAILED, RefundFailureCode.NOT_ACCEPTED)
    assert (await sandbox.inner.get("/ledger")).json()["refunds"] == []
