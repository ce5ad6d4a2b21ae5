"""The operations of the production adapters, and what is expected of each where its vendor fails."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from domain.ids import NotificationId, UserId
from domain.notification import Template
from gateway.adapters import Declared
from gateway.mail_key import public_key_of
from providers.email import sendgrid
from providers.email.port import EmailMessage, Sender
from providers.geocoding import google
from providers.kyc import sumsub
from providers.resilience import Guard
from providers.sms import twilio
from providers.sms.port import SmsMessage
from providers.texts import Texts
from tests.builders.sandbox import MAIL_SECRET, MovedClock
from tests.contract.conftest import NOON

SECRET: Final = "the-credential"


@dataclass(frozen=True)
class Operation:
    """`attempts` counts the first; `in_doubt` says that it must not happen twice.

    `refusals` are the noes that are not Unavailable, by status; None where the no is an answer. `asks_more` counts
    what is asked besides after a no.
    """

    name: str
    declared: Declared
    build: Callable[[httpx.AsyncClient, str, Guard], Any]
    call: Callable[[Any], Awaitable[object]]
    attempts: int = 4
    in_doubt: bool = False
    refusals: Mapping[int, type[Exception] | None] = field(default_factory=dict)
    asks_more: Mapping[int, int] = field(default_factory=dict)


def _google(http: httpx.AsyncClient, url: str, guard: Guard) -> google.GoogleGeocoder:
    return google.GoogleGeocoder(http, guard, api_key=SECRET, base_url=url)


def _sumsub(http: httpx.AsyncClient, url: str, guard: Guard) -> sumsub.SumsubKyc:
    return sumsub.SumsubKyc(
        http,
        guard,
        app_token=SECRET,
        app_secret=SECRET,
        webhook_secret=SECRET,
        level="basic",
        clock=MovedClock(NOON),
        base_url=url,
    )


def _sendgrid(http: httpx.AsyncClient, url: str, guard: Guard) -> sendgrid.SendgridEmail:
    return sendgrid.SendgridEmail(
        http,
        guard,
        Texts(),
        api_key=SECRET,
        webhook_public_key=public_key_of(MAIL_SECRET),
        sender=Sender("no-reply@drop.example", "Drop"),
        templates={},
        clock=MovedClock(NOON),
        base_url=url,
    )


def _twilio(http: httpx.AsyncClient, url: str, guard: Guard) -> twilio.TwilioSms:
    return twilio.TwilioSms(http, guard, Texts(), account_sid="AC1", auth_token=SECRET, sender="Drop", base_url=url)


_MESSAGE_DATA: Final = {"firstName": "Kari"}
_MAIL: Final = EmailMessage(
    NotificationId("ntf_1"), "kari@example.no", "Kari", Template.WELCOME, "nb-NO", _MESSAGE_DATA
)
_SMS: Final = SmsMessage(
    NotificationId("ntf_1"), "+4740000001", Template.NEW_SIGN_IN, "nb-NO", _MESSAGE_DATA, "https://drop.example/s"
)
_KARI: Final = UserId("usr_kari")

OPERATIONS: Final = (
    Operation("google: geocode", google, _google, lambda geocoder: geocoder.geocode("Karl Johans gate 1")),
    Operation(
        "sumsub: create_applicant",
        sumsub,
        _sumsub,
        lambda kyc: kyc.create_applicant(_KARI, "Kari Nordmann"),
        # It exists: who it is, is asked for.
        asks_more={409: 1},
    ),
    Operation("sumsub: get_access_token", sumsub, _sumsub, lambda kyc: kyc.get_access_token(_KARI)),
    Operation(
        "sumsub: get_verification_result",
        sumsub,
        _sumsub,
        lambda kyc: kyc.get_verification_result("a"),
        refusals={404: None},
    ),
    Operation("sendgrid: send", sendgrid, _sendgrid, lambda mail: mail.send(_MAIL), attempts=1, in_doubt=True),
    Operation("twilio: send", twilio, _twilio, lambda sms: sms.send(_SMS), attempts=1, in_doubt=True),
)
