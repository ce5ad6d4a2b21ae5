"""A try to pay whose process was cut off, a page that an older answer must not wipe, and what an operator ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from services.payments.card_status import CardStatusSync
from tests.builders.at_stripe import AtStripe, at_stripe
from tests.builders.cards import CHALLENGED, DECLINED, VISA, card_payment, charges, confirm, create, key
from tests.builders.gateway import Play, Player, nodes
from tests.builders.line import Line


@pytest.fixture
async def stripe(database_url: str, tmp_path: Path) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, tmp_path) as running:
        yield running


async def cut_off(stripe: AtStripe, player: Player, payment: str, same: str, patch: pytest.MonkeyPatch) -> None:
    """A try whose process dies after it has stored the try and before it has charged the card."""

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with patch.context() as dying:
        dying.setattr(CardStatusSync, "charge", dies)
        with pytest.raises((asyncio.CancelledError, httpx.HTTPError, AssertionError)):
            await confirm(player, payment, idempotencyKey=same)


async def test_a_try_that_was_cut_off_before_the_charge_is_charged_once(
    stripe: AtStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    kari = await stripe.approved()
    payment, same = (await create(kari))["payment"]["id"], key()
    # The job of the creation asks rarely by now: the try has one of its own.
    await stripe.advance(hours=2)
    await cut_off(stripe, kari, payment, same, monkeypatch)
    before = len(await charges(stripe.play))

    await stripe.advance(seconds=61)
    paid = await card_payment(kari, payment)
    again = (await confirm(kari, payment, idempotencyKey=same))["payment"]
    await stripe.advance(hours=30)

    assert before == 0
    assert (paid["status"], again["status"]) == ("SETTLED", "SETTLED")
    assert len(await charges(stripe.play)) == 1


@pytest.mark.parametrize("method", [DECLINED, CHALLENGED])
async def test_a_try_that_was_answered_is_not_sent_again(stripe: AtStripe, method: str) -> None:
    kari = await stripe.approved()
    payment = (await create(kari))["payment"]["id"]

    answered = (await confirm(kari, payment, method))["payment"]
    sent = [reply.asked for reply in stripe.vendor.replies.values()]
    stripe.vendor.replies.clear()
    await stripe.advance(hours=1)

    assert len(sent) >= 2
    assert stripe.vendor.replies == {}
    now = await card_payment(kari, payment)
    assert (now["status"], now["authorisationUrl"]) == (answered["status"], answered["authorisationUrl"])


async def test_a_try_that_never_left_is_not_sent_later(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    line = Line(play.gateway.sandbox)
    line.harm(at=1, before=httpx.ConnectError("gone"), times=9)

    away = (await confirm(kari, payment, VISA))["payment"]
    line.mend()
    await play.advance(minutes=10)

    assert away["failure"]["code"] == "PROVIDER_UNAVAILABLE"
    assert (await card_payment(kari, payment))["status"] == "AUTHORISATION_REQUIRED"
    assert await charges(play) == []


async def test_an_older_answer_does_not_wipe_a_page_and_a_page_has_its_version(stripe: AtStripe) -> None:
    kari = await stripe.approved()
    begun = (await create(kari))["payment"]["id"]
    before = await card_payment(kari, begun)
    shown = []

    async def meanwhile() -> None:
        shown.append((await confirm(kari, begun, CHALLENGED))["payment"]["authorisationUrl"])

    stripe.vendor.after_reading = meanwhile
    about = {"object": "payment_intent", "id": "pi_000001", "metadata": {"orderId": begun}}
    await stripe.tell("payment_intent.created", about)
    after = await card_payment(kari, begun)

    assert shown[0] is not None
    assert after["authorisationUrl"] == shown[0]
    # The page alone is news: the older answer neither wiped it nor was followed by one that brought it back.
    assert after["version"] == before["version"] + 1
    assert [step["version"] for step in nodes(after["history"])] == list(range(1, after["version"] + 1))
    assert await charges(stripe.play) == []


async def resolve(play: Play, payment: str, outcome: str) -> httpx.Response:
    form = {"outcome": outcome, "reason": "The dashboard says so."}
    return await play.browser().http.post(f"/api/operator/payments/{payment}/resolve", data=form)


async def test_what_an_operator_calls_failed_is_cancelled_first(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    Line(play.gateway.sandbox).harm(at=1, before=httpx.ReadTimeout("lost on its way"), times=3)
    await confirm(kari, payment, VISA)

    done = await resolve(play, payment, "FAILED")
    intent = (await play.gateway.sandbox.get("/cards/payment_intents/pi_000001")).json()
    await play.advance(minutes=10)

    assert (done.status_code, intent["status"]) == (200, "canceled")
    assert (await card_payment(kari, payment))["status"] == "FAILED"


async def test_what_was_never_answered_is_found_and_cancelled_too(play: Play) -> None:
    kari = await play.approved()
    Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)
    payment = (await create(kari))["payment"]["id"]

    done = await resolve(play, payment, "FAILED")
    intent = (await play.gateway.sandbox.get("/cards/payment_intents/pi_000001")).json()

    assert (done.status_code, intent["status"]) == (200, "canceled")


async def test_what_is_paid_cannot_be_called_failed(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    Line(play.gateway.sandbox).harm(at=1, after=httpx.ReadTimeout("lost"), times=3)
    await confirm(kari, payment, VISA)

    refused = await resolve(play, payment, "FAILED")

    assert refused.status_code == 409
    assert (await card_payment(kari, payment))["status"] == "SETTLED"
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        query = text("SELECT count(*) FROM audit_event WHERE action = 'payment_resolved'")
        assert (await connection.execute(query)).scalar_one() == 0


async def test_nobody_is_failed_while_the_vendor_is_away(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    line = Line(play.gateway.sandbox)
    line.harm(at=1, before=httpx.ReadTimeout("lost on its way"), times=30)
    await confirm(kari, payment, VISA)

    refused = await resolve(play, payment, "FAILED")

    assert refused.status_code == 503
    assert (await card_payment(kari, payment))["inDoubt"] is True


async def test_a_try_that_was_refused_and_could_not_be_read_is_in_doubt_until_it_is_read(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    paid_before = {"payment_method": VISA, "return_url": "https://drop.example", "idempotency_key": "of another try"}
    await play.gateway.sandbox.post("/cards/payment_intents/pi_000001/confirm", json=paid_before)
    # The vendor takes no second try, and what has become of the first cannot be read then.
    Line(play.gateway.sandbox).harm(at=2, before=httpx.ReadTimeout("no answer"), times=3)

    tried = (await confirm(kari, payment))["payment"]
    await play.advance(minutes=5)

    assert tried["inDoubt"]
    shown = await card_payment(kari, payment)
    assert (shown["status"], shown["inDoubt"]) == ("SETTLED", False)
    assert len(await charges(play)) == 1
