"""The contracts of mail, SMS and geocoding."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from domain.errors import BadSignature, BadWebhook, InDoubt, Unavailable
from domain.ids import NotificationId
from domain.notification import Channel, NotificationStatus, Template, channel_of
from providers.calling.guard import Guard
from providers.delivery import RecipientRefused
from providers.email import mock as email_mock
from providers.email import sendgrid, sendgrid_events
from providers.email.mock_key import public_key_of
from providers.email.port import EmailMessage, EmailProvider, Sender
from providers.geocoding import google
from providers.geocoding import mock as geocoding_mock
from providers.geocoding.port import Geocoder
from providers.sms import mock as sms_mock
from providers.sms import twilio
from providers.sms.port import SmsMessage, SmsProvider
from providers.texts import Texts
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import BASE
from tests.builders.line import Line
from tests.builders.sandbox import MAIL_SECRET, TWILIO_TOKEN, Sandbox
from tests.vendors import google as google_face
from tests.vendors import sendgrid as sendgrid_face
from tests.vendors import twilio as twilio_face

STATUS_URL = f"{BASE}/api/webhooks/twilio"
# Everything that any template asks for.
DATA = dict.fromkeys(
    (
        *("firstName", "orderNumber", "orderTotal", "invoiceNumber", "invoiceTotal", "plan", "periodEnd"),
        *("amount", "creditor", "reference", "bank", "expiresOn", "code"),
    ),
    "x",
)


def a_mail(to: str = "kari@example.no") -> EmailMessage:
    return EmailMessage(NotificationId("ntf_1"), to, "Kari", Template.WELCOME, "nb-NO", DATA)


def an_sms(to: str = "+4740000001") -> SmsMessage:
    return SmsMessage(NotificationId("ntf_1"), to, Template.NEW_SIGN_IN, "nb-NO", DATA)


@pytest.fixture
def mails() -> list[dict[str, Any]]:
    """What SendGrid was given."""
    return []


def at_sendgrid(sandbox: Sandbox, mails: list[dict[str, Any]], api_key: str) -> sendgrid.SendgridEmail:
    return sendgrid.SendgridEmail(
        sandbox.outside(sendgrid_face.app(sandbox.inner, mails)),
        Guard("email", sendgrid.RESILIENCE, sendgrid.RETRIED),
        Texts(),
        api_key=api_key,
        webhook_public_key=public_key_of(MAIL_SECRET),
        sender=Sender("no-reply@drop.example", "Drop", "kundeservice@drop.example"),
        templates={Template.INVOICE: sendgrid_face.TEMPLATE},
        clock=sandbox.clock,
    )


def at_twilio(sandbox: Sandbox, auth_token: str = TWILIO_TOKEN, sender: str = twilio_face.SENDER) -> twilio.TwilioSms:
    return twilio.TwilioSms(
        sandbox.outside(twilio_face.app(sandbox.inner, TWILIO_TOKEN)),
        Guard("sms", twilio.RESILIENCE, twilio.RETRIED),
        Texts(),
        account_sid=twilio_face.ACCOUNT,
        auth_token=auth_token,
        sender=sender,
        status_url=STATUS_URL,
    )


def at_google(sandbox: Sandbox, api_key: str = google_face.KEY) -> google.GoogleGeocoder:
    guard = Guard("geocoding", google.RESILIENCE, google.RETRIED)
    return google.GoogleGeocoder(sandbox.outside(google_face.app(sandbox.inner)), guard, api_key=api_key)


@pytest.fixture(params=["mock", "sendgrid"])
def email(request: pytest.FixtureRequest, sandbox: Sandbox, mails: list[dict[str, Any]]) -> EmailProvider:
    if request.param == "sendgrid":
        return at_sendgrid(sandbox, mails, sendgrid_face.API_KEY)
    client = sandbox.client("email", email_mock)
    return email_mock.MockEmail(client, Texts(), webhook_public_key=public_key_of(MAIL_SECRET), clock=sandbox.clock)


@pytest.fixture(params=["mock", "twilio"])
def sms(request: pytest.FixtureRequest, sandbox: Sandbox) -> SmsProvider:
    if request.param == "twilio":
        return at_twilio(sandbox)
    return sms_mock.MockSms(sandbox.client("sms", sms_mock), Texts(), auth_token=TWILIO_TOKEN, status_url=STATUS_URL)


@pytest.fixture(params=["mock", "google"])
def geocoder(request: pytest.FixtureRequest, sandbox: Sandbox) -> Geocoder:
    if request.param == "google":
        return at_google(sandbox)
    return geocoding_mock.MockGeocoder(sandbox.client("geocoding", geocoding_mock))


@pytest.mark.parametrize("locale", ["nb-NO", "en-GB"])
@pytest.mark.parametrize("template", Template)
def test_every_template_speaks_both_languages(template: Template, locale: str) -> None:
    text = Texts().render(template, locale, DATA)

    assert text.body
    assert bool(text.subject) is (channel_of(template) is Channel.EMAIL)


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("kari@example.no", NotificationStatus.DELIVERED),
        ("bounce@example.no", NotificationStatus.BOUNCED),
        ("blocked@example.no", NotificationStatus.BOUNCED),
    ],
)
async def test_what_became_of_a_mail_is_reported_and_signed(
    sandbox: Sandbox, email: EmailProvider, to: str, status: NotificationStatus
) -> None:
    message_id = await email.send(a_mail(to))
    await sandbox.advance(seconds=1)
    posted = await sandbox.last_webhook()

    reports = email.parse_webhook(posted.raw, posted.headers)

    assert [report.status for report in reports] == [None, status]
    assert {(report.notification_id, report.vendor_message_id) for report in reports} == {("ntf_1", message_id)}
    assert len({report.event_key for report in reports}) == 2
    assert email.read_event(reports[1].raw) == reports[1]


async def test_a_mail_report_that_was_not_signed_so_is_refused(sandbox: Sandbox, email: EmailProvider) -> None:
    await email.send(a_mail())
    await sandbox.advance(seconds=1)
    posted = await sandbox.last_webhook()

    unreadable = {**posted.headers, sendgrid_events.SIGNATURE: "not base64"}
    for raw, headers in ((posted.raw + b"\n", posted.headers), (posted.raw, {}), (posted.raw, unreadable)):
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
    report = sms.parse_status(ended.raw, ended.headers, STATUS_URL)
    assert (report.vendor_message_id, report.status) == (message_id, status)
    with pytest.raises(BadSignature):
        sms.parse_status(ended.raw + b" ", ended.headers, STATUS_URL)
    with pytest.raises(BadWebhook):
        sms.read_status(b"MessageSid=SM1")


async def test_twilio_signs_the_address_and_every_parameter(sandbox: Sandbox) -> None:
    adapter = at_twilio(sandbox)
    await adapter.send(an_sms())
    await sandbox.advance(seconds=2)
    posted = sandbox.inbox[-1]

    for raw, url in ((posted.raw + b"&More=1", STATUS_URL), (posted.raw, f"{STATUS_URL}?x=1")):
        with pytest.raises(BadSignature):
            adapter.parse_status(raw, posted.headers, url)


async def test_addresses_that_the_vendors_do_not_take_are_refused(email: EmailProvider, sms: SmsProvider) -> None:
    with pytest.raises(RecipientRefused):
        await email.send(a_mail("invalid@example.no"))
    with pytest.raises(RecipientRefused):
        await sms.send(an_sms("+4790000008"))


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
    assert [one.is_normalised for one in await geocoder.geocode("Karl Johans gate 999")] == [False]


async def test_a_map_that_is_away_is_asked_four_times(geocoder: Geocoder, line: Line) -> None:
    line.cut()

    with pytest.raises(Unavailable):
        await geocoder.geocode("Karl Johans gate 1")
    assert line.requests == 4


async def test_a_template_of_the_vendors_gets_data_and_other_mail_our_own_words(
    sandbox: Sandbox, mails: list[dict[str, Any]]
) -> None:
    adapter = at_sendgrid(sandbox, mails, sendgrid_face.API_KEY)
    await adapter.check()
    await adapter.send(replace(a_mail(), template=Template.INVOICE))
    await adapter.send(replace(a_mail(), data={"firstName": "Kari & <b>co</b>"}))

    templated, worded = mails
    assert templated["personalizations"][0]["dynamic_template_data"] == {**DATA, "locale": "nb-NO"}
    assert "content" not in templated
    assert "template_id" not in worded
    plain, page = worded["content"]
    assert (plain["type"], page["type"]) == ("text/plain", "text/html")
    assert "Hei Kari & <b>co</b>!" in plain["value"]
    assert "<p>Hei Kari &amp; &lt;b&gt;co&lt;/b&gt;!</p>" in page["value"]
    assert templated["reply_to"] == worded["reply_to"] == {"email": "kundeservice@drop.example"}
    assert worded["tracking_settings"]["click_tracking"] == {"enable": False}


async def test_what_is_wrong_with_our_own_settings_is_no_recipients_fault(
    sandbox: Sandbox, mails: list[dict[str, Any]]
) -> None:
    mail = at_sendgrid(sandbox, mails, "SG.another")
    number, password = at_twilio(sandbox, sender="Somebody"), at_twilio(sandbox, auth_token="another")

    for attempt in (mail.send(a_mail()), number.send(an_sms()), password.send(an_sms())):
        with pytest.raises(Unavailable):
            await attempt
    for adapter in (mail, password, at_google(sandbox, "another")):
        with pytest.raises(Unavailable):
            await adapter.check()
    for adapter in (number, at_google(sandbox)):
        await adapter.check()


@pytest.mark.parametrize("status", ["OVER_DAILY_LIMIT", "REQUEST_DENIED", "INVALID_REQUEST", "A_NEW_WORD"])
async def test_a_map_that_refuses_us_is_asked_once(status: str) -> None:
    async with (
        counterpart(answer(200, f'{{"status": "{status}", "results": []}}')) as vendor,
        httpx.AsyncClient() as http,
    ):
        guard = Guard("geocoding", google.RESILIENCE, google.RETRIED)
        geocoder = google.GoogleGeocoder(http, guard, api_key="k", base_url=vendor.url)
        with capture_logs() as logs, pytest.raises(Unavailable):
            await geocoder.geocode("Karl Johans gate 1")

    assert len(vendor.requests) == 1
    assert [line["reason"] for line in logs] == [status]


@pytest.mark.parametrize("status", ["OVER_QUERY_LIMIT", "UNKNOWN_ERROR"])
async def test_a_map_with_too_much_to_do_is_asked_again(status: str) -> None:
    busy, free = answer(200, f'{{"status": "{status}"}}'), answer(200, '{"status": "ZERO_RESULTS", "results": []}')
    async with counterpart(busy, free) as vendor, httpx.AsyncClient() as http:
        guard = Guard("geocoding", google.RESILIENCE, google.RETRIED)
        found = await google.GoogleGeocoder(http, guard, api_key="k", base_url=vendor.url).geocode("Karl Johans gate 1")

    assert found == []
    assert len(vendor.requests) == 2
