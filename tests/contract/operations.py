"""The operations of the production adapters, and what is expected of each where its vendor fails."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Protocol

import httpx

from domain.account_number import parse_account_number
from domain.card import Card, Cardholder, CardType
from domain.device import Device
from domain.errors import InvalidState, Unavailable
from domain.ids import (
    AttemptId,
    BankId,
    CardholderId,
    CardId,
    ConsentId,
    NotificationId,
    PaymentId,
    PlanSubscriptionId,
    RefundId,
    UserId,
)
from domain.money import Money
from domain.notification import Template
from domain.payment import Payment, Rail
from domain.plan import PLANS, PlanPayment, PlanSubscription
from domain.profile import Address
from domain.refund import Refund
from domain.uptime import uptime_plan
from providers.calling.guard import Guard, Resilience
from providers.card_issuing import stripe as stripe_issuing
from providers.card_payments import stripe
from providers.card_payments.port import CardEvent
from providers.email import sendgrid
from providers.email.mock_key import public_key_of
from providers.email.port import EmailMessage, Sender
from providers.geocoding import google
from providers.identity import bankid
from providers.identity.port import AuthorizationRequest
from providers.kyc import sumsub
from providers.open_banking import direct_banks, enable_banking, open_payments
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_payments import EnableBankingPayments
from providers.open_banking.enable_banking_webhook import WebhookKeys
from providers.open_banking.open_payments import SCOPE, Credentials, OpenPaymentsClient
from providers.open_banking.port import (
    AccountAccess,
    AccountInformation,
    ConsentAccess,
    ConsentRequest,
    PaymentAccess,
    PaymentInitiation,
    Psu,
)
from providers.open_banking.xs2a import Xs2aAccounts
from providers.open_banking.xs2a_payments import Xs2aPayments
from providers.sms import twilio
from providers.sms.port import SmsMessage
from providers.stripe_sdk import Stripe
from providers.texts import Texts
from providers.uptime import betterstack
from tests.builders.counterpart import answer
from tests.builders.sandbox import MAIL_SECRET, MovedClock
from tests.contract.conftest import NOON
from tests.vendors.enable_banking import OUR_KEY

SECRET: Final = "the-credential"


class Declared(Protocol):
    """An adapter's module: how its vendor is called, as data."""

    RESILIENCE: Resilience
    RETRIED: frozenset[str]


@dataclass(frozen=True)
class Operation:
    """`attempts` counts the first; `in_doubt` says that it must not happen twice.

    `refusals` are the noes that are not Unavailable, by status; None where the no is an answer. `asks_more` counts
    what is asked besides after a no. `busy` are the statuses that say to come back.
    `first` is what the vendor says before anything goes wrong, such as a token.
    """

    name: str
    declared: Declared
    build: Callable[[httpx.AsyncClient, str, Guard], Any]
    call: Callable[[Any], Awaitable[object]]
    attempts: int = 4
    in_doubt: bool = False
    refusals: Mapping[int, type[Exception] | None] = field(default_factory=dict)
    busy: frozenset[int] = frozenset()
    first: tuple[bytes, ...] = ()
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
    return twilio.TwilioSms(
        http,
        guard,
        Texts(),
        account_sid="AC1",
        auth_token=SECRET,
        sender="Drop",
        status_url="https://drop.example/s",
        base_url=url,
    )


def _stripe(http: httpx.AsyncClient, url: str, guard: Guard) -> stripe.StripeCardPayments:
    prices = dict.fromkeys(PLANS, "price_1")
    client = Stripe(http, guard, api_key=SECRET, base_url=url)
    return stripe.StripeCardPayments(client, webhook_secret=SECRET, prices=prices, clock=MovedClock(NOON))


def _issuing(http: httpx.AsyncClient, url: str, guard: Guard) -> stripe_issuing.StripeCardIssuing:
    return stripe_issuing.StripeCardIssuing(Stripe(http, guard, api_key=SECRET, base_url=url), clock=MovedClock(NOON))


def _of_stripe(
    name: str, call: Callable[[Any], Awaitable[object]], *, in_doubt: bool, about: type[Exception] | None = Unavailable
) -> Operation:
    """Three tries in all. `about` is what a no to the content of a request becomes; 409 says that the key is in use."""
    declared = stripe_issuing if "issu" in name else stripe
    build = _issuing if declared is stripe_issuing else _stripe
    noes = {400: about, 404: about}
    return Operation(
        f"stripe: {name}", declared, build, call, 3, in_doubt=in_doubt, refusals=noes, busy=frozenset({409})
    )


_PAYMENT: Final = Payment(
    id=PaymentId("pay_1"),
    user_id=UserId("usr_kari"),
    vendor="stripe",
    amount=Money(12_500),
    creditor_name="Drop AS",
    creditor_account=parse_account_number("86011117947"),
    created_at=NOON,
    rail=Rail.CARD,
)
_SUBSCRIPTION: Final = PlanSubscription(PlanSubscriptionId("psub_1"), UserId("usr_kari"), "plan_plus", "stripe", NOON)
_PLUS: Final = PLANS["plan_plus"]
_REFUND: Final = Refund(RefundId("ref_1"), PaymentId("pay_1"), Money(100), NOON, NOON)
_PLAN_PAYMENT: Final = PlanPayment("pm_1", "https://drop.example", "hash")
_CARDHOLDER: Final = Cardholder(
    CardholderId("chd_1"), UserId("usr_kari"), "stripe", "Kari", Address("Oslo"), NOON, "ich_1"
)
_OF_INVOICE: Final = CardEvent("evt_1", "invoice.paid", invoice_reference="in_1")
_CARD: Final = Card(CardId("crd_1"), UserId("usr_kari"), CardholderId("chd_1"), "stripe", CardType.VIRTUAL, NOON)
_MESSAGE_DATA: Final = {"firstName": "Kari"}
_MAIL: Final = EmailMessage(
    NotificationId("ntf_1"), "kari@example.no", "Kari", Template.WELCOME, "nb-NO", _MESSAGE_DATA
)
_SMS: Final = SmsMessage(NotificationId("ntf_1"), "+4740000001", Template.NEW_SIGN_IN, "nb-NO", _MESSAGE_DATA)
_KARI: Final = UserId("usr_kari")


def _bankid(http: httpx.AsyncClient, url: str, guard: Guard) -> bankid.BankId:
    return bankid.BankId(
        http,
        guard,
        issuer=url,
        client_id="drop",
        client_secret=SECRET,
        auth_method="client_secret_basic",
        clock=MovedClock(NOON),
    )


_LOGIN: Final = AuthorizationRequest("https://drop.example/callback", "state", "nonce", "challenge")


def _betterstack(http: httpx.AsyncClient, url: str, guard: Guard) -> betterstack.BetterStack:
    return betterstack.BetterStack(http, guard, token=SECRET, environment="test", base_url=url)


_WATCHED: Final = uptime_plan(
    public_url="https://a.example",
    landing_url="https://b.example",
    email="oncall@drop.example",
    phone="+4740000000",
    status_page="drop",
)


def _start_consent(banks: AccountInformation) -> Awaitable[object]:
    return banks.start_consent(_CONSENT)


def _balances(banks: AccountInformation) -> Awaitable[object]:
    return banks.balances(_ACCESS)


def _initiate(bank: PaymentInitiation) -> Awaitable[object]:
    return bank.initiate(_PAYMENT, _PAYMENT.creditor_account, _DNB, _PSU, "https://drop.example/callback")


def _access(reference: str) -> PaymentAccess:
    return PaymentAccess(reference, _DNB, _PSU)


def _client(http: httpx.AsyncClient, url: str, guard: Guard) -> OpenPaymentsClient:
    credentials = Credentials("drop", SECRET, SCOPE, "https://drop.example/callback")
    return OpenPaymentsClient(http, guard, credentials, api_url=url, auth_url=url)


def _accounts(http: httpx.AsyncClient, url: str, guard: Guard) -> Xs2aAccounts:
    return Xs2aAccounts(_client(http, url, guard), clock=MovedClock(NOON))


def _payments(http: httpx.AsyncClient, url: str, guard: Guard) -> Xs2aPayments:
    return Xs2aPayments(_client(http, url, guard), webhook_secret=SECRET, clock=MovedClock(NOON))


_TOKEN: Final = answer(200, f'{{"access_token": "{SECRET}", "expires_in": 3600}}', content_type="application/json")
_DNB: Final = BankId("bank_dnb")
_PSU: Final = Psu("15019000083", Device("192.0.2.1", "Phone/1"))
_CONSENT: Final = ConsentRequest(ConsentId("cns_1"), _DNB, _PSU, "https://drop.example/callback", date(2027, 5, 20))
_NUMBER: Final = parse_account_number("86011117947")
_ACCESS: Final = AccountAccess(_DNB, "DNBANOKK/consent/authorisation", "resource", _PSU, _NUMBER, "NOK")

_BANKS: Final = {
    "aspsps": [{"name": "DNB", "country": "NO", "bic": "DNBANOKK", "maximum_consent_validity": 15_552_000}]
}
_ASPSPS: Final = answer(200, json.dumps(_BANKS), content_type="application/json")
_SESSION: Final = AccountAccess(_DNB, "DNBANOKK/session/uid", "uid", _PSU, _NUMBER, "NOK")


def _eb(http: httpx.AsyncClient, url: str, guard: Guard) -> EnableBankingClient:
    key = OUR_KEY.as_pem(private=True).decode()
    application = Application(SECRET, key, "https://drop.example/callback", "https://drop.example/hook")
    return EnableBankingClient(http, guard, application, clock=MovedClock(NOON), api_url=url)


def _eb_accounts(http: httpx.AsyncClient, url: str, guard: Guard) -> enable_banking.EnableBankingAccounts:
    return enable_banking.EnableBankingAccounts(_eb(http, url, guard), clock=MovedClock(NOON))


def _eb_payments(http: httpx.AsyncClient, url: str, guard: Guard) -> EnableBankingPayments:
    keys = WebhookKeys(http, guard, is_theirs=lambda url: True)
    return EnableBankingPayments(_eb(http, url, guard), keys, clock=MovedClock(NOON))


def _direct(http: httpx.AsyncClient, url: str, guard: Guard) -> direct_banks.DirectBanks:
    notifications = NotificationAddress("https://drop.example/hook", SECRET)
    return direct_banks.DirectBanks(http, {"bank_dnb": url}, guard, notifications=notifications)


def _direct_accounts(http: httpx.AsyncClient, url: str, guard: Guard) -> Xs2aAccounts:
    return Xs2aAccounts(_direct(http, url, guard), clock=MovedClock(NOON))


def _direct_payments(http: httpx.AsyncClient, url: str, guard: Guard) -> direct_banks.DirectPayments:
    return direct_banks.DirectPayments(_direct(http, url, guard), webhook_secret=SECRET, clock=MovedClock(NOON))


OPERATIONS: Final = (
    Operation("direct: start_consent", direct_banks, _direct_accounts, _start_consent, attempts=1),
    Operation("direct: balances", direct_banks, _direct_accounts, _balances),
    Operation(
        "direct: initiate",
        direct_banks,
        _direct_payments,
        _initiate,
        attempts=1,
        in_doubt=True,
        refusals=dict.fromkeys((400, 403, 404, 409)),
    ),
    Operation(
        "direct: status", direct_banks, _direct_payments, lambda bank: bank.status(_access("DNBANOKK/payment/sca"))
    ),
    Operation("enable_banking: banks", enable_banking, _eb_accounts, lambda banks: banks.list_banks("NO")),
    Operation(
        "enable_banking: start_consent",
        enable_banking,
        _eb_accounts,
        _start_consent,
        first=(_ASPSPS,),
    ),
    Operation(
        "enable_banking: complete_consent",
        enable_banking,
        _eb_accounts,
        lambda banks: banks.complete_consent(ConsentAccess("DNBANOKK//", _DNB, _PSU), {"code": "c"}),
        attempts=1,
    ),
    Operation(
        "enable_banking: balances",
        enable_banking,
        _eb_accounts,
        lambda banks: banks.balances(_SESSION),
        first=(_ASPSPS,),
    ),
    Operation(
        "enable_banking: initiate",
        enable_banking,
        _eb_payments,
        _initiate,
        attempts=1,
        in_doubt=True,
        first=(_ASPSPS,),
    ),
    Operation("enable_banking: status", enable_banking, _eb_payments, lambda bank: bank.status(_access("1"))),
    Operation("open_payments: token", open_payments, _accounts, lambda banks: banks.list_banks("NO")),
    Operation(
        "open_payments: start_consent",
        open_payments,
        _accounts,
        _start_consent,
        attempts=1,
        first=(_TOKEN,),
    ),
    Operation("open_payments: balances", open_payments, _accounts, _balances, first=(_TOKEN,)),
    Operation(
        "open_payments: initiate",
        open_payments,
        _payments,
        _initiate,
        attempts=1,
        in_doubt=True,
        refusals=dict.fromkeys((400, 403, 404, 409)),
        first=(_TOKEN,),
    ),
    Operation(
        "open_payments: status",
        open_payments,
        _payments,
        lambda bank: bank.status(_access("DNBANOKK/payment/authorisation")),
        first=(_TOKEN,),
    ),
    # Its creations are commands without a key of their own: test_betterstack.py.
    Operation("betterstack: plan", betterstack, _betterstack, lambda uptime: uptime.plan(_WATCHED)),
    # Its token request is a command of its own: test_bankid.py.
    Operation("bankid: authorization_url", bankid, _bankid, lambda eid: eid.authorization_url(_LOGIN)),
    Operation("google: geocode", google, _google, lambda geocoder: geocoder.geocode("Karl Johans gate 1")),
    Operation(
        "sumsub: create_applicant",
        sumsub,
        _sumsub,
        lambda kyc: kyc.create_applicant(_KARI, "Kari Nordmann"),
        # It exists: who it is, is asked for.
        asks_more={409: 1},
    ),
    Operation("sumsub: get_access_token", sumsub, _sumsub, lambda kyc: kyc.get_access_token(_KARI, None)),
    Operation(
        "sumsub: get_verification_result",
        sumsub,
        _sumsub,
        lambda kyc: kyc.get_verification_result("a"),
        refusals={404: None},
    ),
    Operation("sendgrid: send", sendgrid, _sendgrid, lambda mail: mail.send(_MAIL), attempts=1, in_doubt=True),
    Operation("twilio: send", twilio, _twilio, lambda sms: sms.send(_SMS), attempts=1, in_doubt=True),
    _of_stripe("create_customer", lambda cards: cards.create_customer(_KARI, "Kari", NOON), in_doubt=False),
    _of_stripe("create", lambda cards: cards.create(_PAYMENT, "cus_1"), in_doubt=True),
    _of_stripe(
        "confirm",
        lambda cards: cards.confirm("pi_1", "pm_1", AttemptId("att_1"), "https://drop.example"),
        in_doubt=True,
        about=InvalidState,
    ),
    _of_stripe("retrieve", lambda cards: cards.retrieve("pi_1"), in_doubt=False),
    _of_stripe("refund", lambda cards: cards.refund("pi_1", _REFUND), in_doubt=True, about=None),
    _of_stripe(
        "create_subscription",
        lambda cards: cards.create_subscription(_SUBSCRIPTION, _PLUS, "cus_1", "pm_1", "https://drop.example"),
        in_doubt=True,
    ),
    _of_stripe(
        "change_payment_method",
        lambda cards: cards.change_payment_method("sub_1", "cus_1", _SUBSCRIPTION.id, _PLAN_PAYMENT),
        in_doubt=True,
        about=InvalidState,
    ),
    _of_stripe("refund_invoice", lambda cards: cards.refund_invoice("in_1"), in_doubt=False, about=None),
    replace(
        _of_stripe("subscription_of", lambda cards: cards.subscription_of(_OF_INVOICE), in_doubt=False),
        refusals={400: Unavailable, 404: None},
    ),
    _of_stripe(
        "create_cardholder at the issuer",
        lambda issuer: issuer.create_cardholder(_CARDHOLDER, email=None, phone=None),
        in_doubt=False,
        about=InvalidState,
    ),
    _of_stripe("issue", lambda issuer: issuer.issue(_CARD, _CARDHOLDER), in_doubt=True, about=InvalidState),
)
