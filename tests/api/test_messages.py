"""What users are told, and how far it came."""

import asyncio
import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import text

from providers.email.mock_key import private_key_of, public_key_of
from providers.email.sendgrid_events import SIGNATURE, TIMESTAMP
from providers.setting_types import MOCK_SECRET
from tests.builders.cards import card_payment, confirm, create, paid, refund, subscribe
from tests.builders.gateway import Play, a_payment, pay, playing
from tests.builders.line import Line
from tests.builders.messages import PREFER, code_sent, confirm_contact, notifications, outbox, reached_at, texts, update
from tests.builders.own_secrets import OWN
from tests.builders.sandbox import MovedClock
from tests.conftest import NOON


async def test_a_user_is_welcomed_and_told_of_the_verification_in_norwegian(play: Play) -> None:
    await play.approved()
    await play.settle()

    assert await outbox(play) == ["Identiteten din er bekreftet", "Velkommen til Drop"]
    assert "Hei Kari!" in await texts(play)


async def test_the_vendors_report_makes_it_delivered(play: Play) -> None:
    await play.person()
    await play.settle()
    assert await notifications(play) == [("welcome", "SENT")]

    await play.advance(seconds=1)

    assert await notifications(play) == [("welcome", "DELIVERED")]


async def test_what_the_vendor_before_handed_over_is_still_reported(database_url: str, tmp_path: Path) -> None:
    clock = MovedClock(NOON)
    async with playing(database_url, tmp_path, NOON, base_clock=clock, **OWN) as play:
        await update(await play.person(), phone="+4790000001")
        await play.settle()
        assert sorted(await notifications(play)) == [("contact_code_sms", "SENT"), ("welcome", "SENT")]

    now_real: dict[str, Any] = {
        "email_provider": "sendgrid",
        "sendgrid_api_key": "SG.key",
        "sendgrid_webhook_public_key": public_key_of("sendgrid's own"),
        "email_from_address": "post@drop.example",
        **OWN,
    }
    async with playing(database_url, tmp_path, NOON, base_clock=clock, **now_real) as play:
        clock.at += timedelta(seconds=2)
        await play.settle()
        assert sorted(await notifications(play)) == [("contact_code_sms", "DELIVERED"), ("welcome", "DELIVERED")]


async def test_a_mail_that_comes_back_is_bounced(play: Play) -> None:
    kari = await play.approved()
    await reached_at(play, kari, email="bounce@example.no")
    await paid(kari)

    await play.advance(seconds=2)

    assert ("order_confirmation", "BOUNCED") in await notifications(play)


async def test_an_odd_event_does_not_cost_the_others_of_its_batch(play: Play) -> None:
    await play.person()
    await play.settle()
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        notification_id = (await connection.execute(text("SELECT id FROM notification"))).scalar_one()
    odd: list[object] = [None, 7, "processed", [], {"event": "delivered"}, {"sg_event_id": None, "event": "bounce"}]
    odd += [{"sg_event_id": "no\0text", "event": "bounce"}, {"sg_event_id": "half", "event": "half a letter \ud800"}]
    odd += [{"sg_event_id": "empty", "event": "bounce", "sg_message_id": "", "notification_id": "no\0text"}]
    deep = '{"sg_event_id": "deep", "event": "bounce", "x": ' + "[" * 300 + "]" * 300 + "}"
    good = {
        "sg_event_id": 4711,
        "event": "delivered",
        "notification_id": notification_id,
        "sg_message_id": None,
        "reason": 550,
        "type": {"odd": True},
    }
    raw = f"[{deep}, {json.dumps([*odd, good])[1:]}".encode()

    answer = await posted(play, raw)
    await play.settle()

    assert answer.status_code == 202
    assert await notifications(play) == [("welcome", "DELIVERED")]


async def test_a_batch_as_large_as_the_vendor_makes_them_is_taken(play: Play) -> None:
    events = [{"sg_event_id": f"event-{number}", "event": "processed", "x": "y" * 7_000} for number in range(111)]
    raw = json.dumps(events).encode()
    assert 760 * 1024 < len(raw) < 768 * 1024

    assert (await posted(play, raw)).status_code == 202


async def test_the_same_events_at_once_in_different_orders_are_taken(play: Play) -> None:
    events = [{"sg_event_id": f"event-{number}", "event": "processed"} for number in range(60)]
    batches = [json.dumps(events).encode(), json.dumps(events[::-1]).encode()]

    answers = await asyncio.gather(*(posted(play, batches[number % 2]) for number in range(8)))

    assert {answer.status_code for answer in answers} == {202}


async def test_a_report_that_names_no_message_moves_none(play: Play) -> None:
    await play.person()
    await play.settle()
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE notification SET vendor_message_id = '', status = 'SENT'"))
    raw = json.dumps([{"sg_event_id": "no-message", "event": "bounce", "sg_message_id": ".filter0001"}]).encode()

    await posted(play, raw)
    await play.settle()

    assert await notifications(play) == [("welcome", "SENT")]


async def posted(play: Play, raw: bytes) -> httpx.Response:
    """The answer to a batch of events that the vendor has signed."""
    signed_at = str(int(NOON.timestamp()))
    signature = private_key_of(MOCK_SECRET).sign(signed_at.encode() + raw, ECDSA(SHA256()))
    headers = {TIMESTAMP: signed_at, SIGNATURE: base64.b64encode(signature).decode()}
    return await play.browser().http.post("/api/webhooks/sendgrid", content=raw, headers=headers)


async def test_an_address_that_the_vendor_does_not_take_is_bounced_at_once(play: Play) -> None:
    kari = await play.approved()
    await reached_at(play, kari, email="invalid@example.no")
    await paid(kari)

    await play.settle()

    assert ("order_confirmation", "BOUNCED") in await notifications(play)


async def test_payments_are_told_of_on_both_rails(play: Play) -> None:
    kari, account = await play.banked()
    settled = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(settled["authorisationUrl"], "approve")
    refused = (await pay(kari, a_payment(account, amount_minor=100)))["payment"]
    await kari.press(refused["authorisationUrl"], "refuse")
    await play.advance(seconds=1)
    await paid(kari)
    await play.settle()

    subjects = await outbox(play)
    assert "Betalt: 125,00\xa0kr til Ola Hansen" in subjects
    assert "Ikke betalt: 1,00\xa0kr til Ola Hansen" in subjects
    assert sum(subject.startswith("Kvittering D-") for subject in subjects) == 1


async def test_a_refund_that_failed_and_a_plans_bills_are_told_of(play: Play) -> None:
    kari = await play.approved()
    await refund(kari, await paid(kari, 10_000, "pm_card_refundFail"))
    await subscribe(kari, "pm_card_chargeCustomerFail")
    await play.advance(days=45)

    told = [template for template, _ in await notifications(play)]
    assert "refund_failed" in told
    assert [one for one in told if one.startswith(("invoice", "plan"))] == ["invoice", "invoice_unpaid", "plan_ended"]


async def test_consents_are_told_of_a_week_before_they_run_out(play: Play) -> None:
    await play.banked()

    await play.advance(days=172)
    assert "consent_expiring" not in [template for template, _ in await notifications(play)]
    await play.advance(days=4)

    assert await outbox(play) == [
        "Forny tilgangen til DNB",
        "Identiteten din er bekreftet",
        "Velkommen til Drop",
    ]


async def test_english_is_spoken_where_it_is_chosen(play: Play) -> None:
    kari = await play.approved()
    await update(kari, locale="en-GB")

    await paid(kari)
    await play.settle()

    assert (await outbox(play))[0].startswith("Receipt D-")


async def test_what_the_user_does_not_want_to_hear_of_is_not_sent(play: Play) -> None:
    kari, account = await play.banked()
    wished = await kari.ask(PREFER, input={"payments": False})
    assert wished["setNotificationPreferences"]["user"]["notificationPreferences"] == {
        "payments": False,
        "verification": True,
        "bankLinks": True,
        "security": True,
    }

    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "refuse")
    await paid(kari)
    await play.settle()

    told = [template for template, _ in await notifications(play)]
    assert "payment_failed" not in told
    assert "order_confirmation" in told  # a receipt is always sent


async def test_a_card_that_is_declined_is_mailed_only_when_the_payment_has_ended(play: Play) -> None:
    kari = await play.approved()
    payment = (await create(kari))["payment"]
    await confirm(kari, payment["id"], "pm_card_visa_chargeDeclined")
    await play.settle()
    assert "payment_failed" not in [template for template, _ in await notifications(play)]

    await play.advance(days=8)

    assert (await card_payment(kari, payment["id"]))["status"] == "EXPIRED"
    assert [template for template, _ in await notifications(play)].count("payment_failed") == 1


async def test_approval_that_is_lost_is_told(play: Play) -> None:
    kari = await play.approved()
    await kari.http.post("/sandbox/trigger", data={"event": "applicantReset"}, headers={"accept": "application/json"})
    await play.settle()

    assert (await outbox(play))[0] == "Vi må bekrefte identiteten din på nytt"


async def test_a_new_version_of_a_browser_is_no_new_device(play: Play) -> None:
    await play.browser(**{"user-agent": "Firefox/133.0 (Macintosh; Intel Mac OS X 10_15)"}).sign_in()
    await play.browser(**{"user-agent": "Firefox/134.0.1 (Macintosh; Intel Mac OS X 10_16)"}).sign_in()
    await play.settle()

    assert "new_sign_in" not in [template for template, _ in await notifications(play)]


async def test_a_new_device_and_changed_contact_details_are_told_of_by_sms(play: Play) -> None:
    kari = await play.person()
    other = await play.browser(**{"user-agent": "Another browser"}).sign_in()
    await play.settle()
    await update(kari, phone="+47 900 00 001")
    await confirm_contact(kari, "PHONE", await code_sent(play))
    await play.settle()

    page = await texts(play)
    assert "Ny innlogging" in page
    assert "Kontaktopplysningene dine er endret" in page
    assert page.count("to +4740000001") == 2  # the number that was known before
    assert page.count("to +4790000001") == 1  # the code alone
    assert other is not kari


async def test_an_sms_that_does_not_arrive_is_bounced(play: Play) -> None:
    kari = await play.person()
    await reached_at(play, kari, phone="+4790000009")
    await play.browser(**{"user-agent": "Another browser"}).sign_in()

    await play.advance(seconds=5)

    assert ("new_sign_in", "BOUNCED") in await notifications(play)


async def test_a_failing_vendor_is_tried_after_1_5_and_15_minutes_and_then_the_message_is_dead(play: Play) -> None:
    await play.person()
    line = Line(play.gateway.sandbox)
    line.cut()

    statuses = []
    for seconds in (0, 59, 1, 299, 1, 899, 1):
        await play.advance(seconds=seconds)
        statuses.append((await notifications(play))[0][1])
    assert statuses == ["RETRYING"] * 6 + ["DEAD"]
    line.mend()
    (dead,) = await play.gateway.services.notifications.dead(10)
    await play.gateway.services.notifications.replay(dead.id)
    await play.advance(seconds=1)

    assert await notifications(play) == [("welcome", "DELIVERED")]
    assert await outbox(play) == ["Velkommen til Drop"]


async def test_a_failing_vendor_fails_nobody(play: Play) -> None:
    kari = await play.approved()
    identifier = (await create(kari))["payment"]["id"]
    await play.settle()
    play.gateway.sandbox.event_hooks["request"].append(refuse_messages)

    settled = (await confirm(kari, identifier))["payment"]
    await play.settle()

    assert settled["status"] == "SETTLED"
    assert ("order_confirmation", "RETRYING") in await notifications(play)


async def refuse_messages(request: httpx.Request) -> None:
    if request.url.path.startswith(("/mail", "/sms")):
        raise httpx.ConnectError("nobody listens")


@pytest.mark.parametrize("provider", ["sendgrid", "twilio"])
async def test_reports_that_the_vendor_did_not_sign_are_refused(play: Play, provider: str) -> None:
    http = play.browser().http

    for body in (b"[]", b"MessageSid=SM1&MessageStatus=delivered", b"\xff", b""):
        assert (await http.post(f"/api/webhooks/{provider}", content=body)).status_code in (400, 401)
