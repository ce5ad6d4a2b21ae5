"""Card payments that have ended here while the card vendor has them open, or paid."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import VISA, card_payment, create
from tests.builders.gateway import Player

DEBIT = "pm_sandbox_debit"
ENDS = ["EXPIRED", "CANCELLED", "FAILED"]


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as running:
        yield running


async def ended_here(stripe: AtStripe, status: str) -> tuple[Player, str]:
    """A payment that is open at the vendor and, as an operator's mistake or a lost answer leaves it, has ended here."""
    kari = await stripe.approved()
    payment = (await create(kari))["payment"]["id"]
    async with stripe.play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text(f"UPDATE payment SET status = '{status}'"))
    return kari, payment


async def intent(stripe: AtStripe) -> dict[str, Any]:
    found: dict[str, Any] = (await stripe.play.gateway.sandbox.get("/cards/payment_intents/pi_000001")).json()
    return found


async def pay(stripe: AtStripe, method: str = VISA) -> None:
    body = {"payment_method": method, "return_url": "http://localhost/", "idempotency_key": "of-another-page"}
    await stripe.play.gateway.sandbox.post("/cards/payment_intents/pi_000001/confirm", json=body)


async def tell(stripe: AtStripe, payment: str) -> None:
    about = {"object": "payment_intent", "id": "pi_000001", "metadata": {"orderId": payment}}
    await stripe.tell("payment_intent.created", about)


@pytest.mark.parametrize("status", ENDS)
async def test_what_has_ended_here_is_cancelled_at_the_vendor_again(stripe: AtStripe, status: str) -> None:
    kari, payment = await ended_here(stripe, status)
    before = await card_payment(kari, payment)

    await tell(stripe, payment)
    await stripe.advance(minutes=5)

    assert (await intent(stripe))["status"] == "canceled"
    assert before["status"] == status
    assert await card_payment(kari, payment) == before


@pytest.mark.parametrize("status", ENDS)
async def test_what_is_paid_after_its_end_is_settled_and_told(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari, payment = await ended_here(stripe, status)

        await pay(stripe)
        await stripe.advance(minutes=5)

        assert (await card_payment(kari, payment))["status"] == "SETTLED"
    assert "Payment settled after its end" in capsys.readouterr().err


async def test_what_is_paid_while_it_is_cancelled_again_is_settled(stripe: AtStripe) -> None:
    kari, payment = await ended_here(stripe, "EXPIRED")

    async def meanwhile() -> None:
        await pay(stripe)

    stripe.vendor.after_reading = meanwhile
    await tell(stripe, payment)
    await stripe.advance(minutes=5)

    assert (await card_payment(kari, payment))["status"] == "SETTLED"


async def test_what_cannot_be_cancelled_again_is_told_and_followed_to_its_end(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with at_stripe(database_url, tmp_path) as stripe:
        kari, payment = await ended_here(stripe, "CANCELLED")

        await pay(stripe, DEBIT)
        await stripe.advance(hours=36)
        waiting = await card_payment(kari, payment)
        await stripe.advance(days=3)

        assert waiting["status"] == "CANCELLED"
        assert (await card_payment(kari, payment))["status"] == "SETTLED"
    assert capsys.readouterr().err.count("Payment open after its end") == 1


async def test_many_answers_that_show_it_open_leave_one_chain_of_tries(stripe: AtStripe) -> None:
    _, payment = await ended_here(stripe, "CANCELLED")
    await pay(stripe, DEBIT)

    for _ in range(4):
        await tell(stripe, payment)
    await stripe.advance(hours=2)

    async with stripe.play.gateway.infrastructure.database.read_engine.connect() as connection:
        count = await connection.execute(text("SELECT count(*) FROM job WHERE kind = 'end_at_card_vendor'"))
        assert count.scalar_one() == 1
