"""The contracts of mail, SMS and geocoding."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import BadSignature, BadWebhook, InDoubt, Unavailable
from domain.ids import NotificationId
from domain.notification import Channel, NotificationStatus, Template, channel_of
from gateway.mail_key import public_key_of
from providers.delivery import RecipientRefused
from providers.email import mock as email_mock
from providers.email.port import EmailMessage, EmailProvider
from providers.geocoding import mock as geocoding_mock
from providers.geocoding.port import Geocoder
from providers.sms import mock as sms_mock
from providers.sms.port import SmsMessage, SmsProvider
from providers.texts import Texts
from tests.builders.gateway import BASE
from tests.builders.line import Line
from tests.builders.sandbox import MAIL_SECRET, TWILIO_TOKEN, Sandbox

STATUS_URL = f"{BASE}/api/webhooks/twilio"
# Everything that any template asks for.
DATA = dict.fromkeys(
    (
        *("firstName", "orderNumber", "orderTotal", "invoiceNumber", "invoiceTotal", "plan", "periodEnd"),
        *("amount", "creditor", "reference", "bank", "expiresOn"),
    ),
    "x",
)


def a_mail(to: str = "kari@example.no") -> EmailMessage:
    return EmailMessage(NotificationId("ntf_1"), to, "Kari", Template.WELCOME, "nb-NO", DATA)


def an_sms(to: str = "+4740000001") -> SmsMessage:
    return SmsMessage(NotificationId("ntf_1"), to, Template.NEW_SIGN_IN, "nb-NO", DATA, STATUS_URL)


@pytest.fixture(params=["mock"])
def email(sandbox: Sandbox) -> EmailProvider:
    client = sandbox.client("email", email_mock)
    return email_mock.MockEmail(client, Texts(), webhook_public_key=public_key_of(MAIL_SECRET), clock=sandbox.clock)


@pytest.fixture(params=["mock"])
def sms(sandbox: Sandbox) -> SmsProvider:
    return sms_mock.MockSms(sandbox.client("sms", sms_mock), Texts(), auth_token=TWILIO_TOKEN)


@pytest.fixture(params=["mock"])
def geocoder(sandbox: Sandbox) -> Geocoder:
    return geocoding_mock.MockGeocoder(sandbox.client("geocoding", geocoding_mock))


@pytest.mark.parametrize("locale", ["nb-NO", "en-GB"])
@pytest.mark.parametrize("template", Template)
def test_every_template_speaks_both_languages(template: Template, locale: str) -> None:
    text = Texts().render(template, locale, DATA)

    assert text.body
    assert bool(text.subject) is (channel_of(template) is Channel.EMAIL)


@pytest.mark.parametrize(
    ("to", "status"),
    [("kari@example.no", NotificationStatus.DELIVERED), ("bounce@example.no", NotificationStatus.BOUNCED)],
)
async def test_what_became_of_a_mail_is_reported_and_signed(
    sandbox: Sandbox, email: EmailProvider, to: str, status: NotificationStatus
) -> None:
    message_id = await email.send(a_mail(to))
    await sandbox.advance(seconds=1)
    posted = await sandbox.last_webhook()

    notices = email.parse_webhook(posted.raw, posted.headers)

    assert [notice.status for notice in notices] == [None, status]
    assert {(notice.notification_id, notice.vendor_message_id) for notice in notices} == {("ntf_1", message_id)}
    assert len({notice.event_key for notice in notices}) == 2
    assert email.read_event(notices[1].raw) == notices[1]


async def test_a_mail_report_that_was_not_signed_so_is_refused(sandbox: Sandbox, email: EmailProvider) -> None:
    await email.send(a_mail())
    await sandbox.advance(seconds=1)
    posted = await sandbox.last_webhook()

    for raw, headers in ((posted.raw + b"\n", posted.headers), (posted.raw, {})):
        with pytest.raises(BadSignature):
            email.parse_webhook(raw, headers)
    with pytest.raises(BadWebhook):
        email.read_event(b"{}")
    sandbox.clock.at += timedelta(hours=25)
    with pytest.raises(BadSignature):
        email.parse_webhook(posted.raw, posted.headers)


@pytest.mark.parametrize(
    ("to", "status"),
    [("+4740000001", NotificationStatus.DELIVERED), ("+15005550009", NotificationStatus.BOUNCED)],
)
async def test_what_became_of_an_sms_is_reported_and_signed(
    sandbox: Sandbox, sms: SmsProvider, to: str, status: NotificationStatus
) -> None:
    message_id = await sms.send(an_sms(to))
    await sandbox.advance(seconds=2)
    sent, ended = sandbox.inbox

    assert sms.parse_status(sent.raw, sent.headers, STATUS_URL).status is None
    notice = sms.parse_status(ended.raw, ended.headers, STATUS_URL)
    assert (notice.vendor_message_id, notice.status) == (message_id, status)
    for raw, url in ((ended.raw + b"&More=1", STATUS_URL), (ended.raw, f"{STATUS_URL}?x=1")):
        with pytest.raises(BadSignature):
            sms.parse_status(raw, ended.headers, url)
    with pytest.raises(BadWebhook):
        sms.read_status(b"MessageSid=SM1")


async def test_addresses_that_the_vendors_do_not_take_are_refused(email: EmailProvider, sms: SmsProvider) -> None:
    with pytest.raises(RecipientRefused):
        await email.send(a_mail("invalid@example.no"))
    with pytest.raises(RecipientRefused):
        await sms.send(an_sms("+15005550001"))


async def test_a_message_is_handed_over_once(email: EmailProvider, sms: SmsProvider, line: Line) -> None:
    senders: tuple[tuple[Any, Any], ...] = ((email, a_mail()), (sms, an_sms()))
    for sender, message in senders:
        line.requests = 0
        line.cut_after_request()
        with pytest.raises(InDoubt):
            await sender.send(message)
        assert line.requests == 1
    line.cut()
    for sender, message in senders:
        with pytest.raises(Unavailable):
            await sender.send(message)


async def test_an_address_is_found_or_not_or_one_of_several(geocoder: Geocoder) -> None:
    (found,) = await geocoder.geocode("Karl Johans gate 1")

    assert (found.street, found.postal_code, found.postal_place, found.country) == (
        "Karl Johans gate 1",
        "0154",
        "Oslo",
        "NO",
    )
    assert found.is_normalised
    assert len(await geocoder.geocode("storgata 10")) == 3
    assert await geocoder.geocode("Nowhere 1") == []


async def test_a_map_that_is_away_is_asked_four_times(geocoder: Geocoder, line: Line) -> None:
    line.cut()

    with pytest.raises(Unavailable):
        await geocoder.geocode("Karl Johans gate 1")
    assert line.requests == 4
