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
from providers.card_issuing.port import NotIssued
from providers.card_payments import stripe
from providers.card_payments.port import CardEvent
from providers.email import sendgrid
from providers.email.port import EmailMessage
from providers.geocoding import google
from providers.identity import bankid
from providers.identity.port import AuthorizationRequest
from providers.kyc import sumsub
from providers.open_banking import direct_banks, enable_banking, open_payments
from providers.open_banking.port import (
    AccountAccess,
    AccountInformation,
    ConsentAccess,
    ConsentRequest,
    PaymentAccess,
    PaymentInitiation,
    Psu,
)
from providers.sms import twilio
from providers.sms.port import SmsMessage
from providers.uptime import betterstack
from tests.builders.counterpart import answer
from tests.contract.adapters import (
    SECRET,
    build_bankid,
    build_betterstack,
    build_direct_accounts,
    build_direct_payments,
    build_eb_accounts,
    build_eb_payments,
    build_google,
    build_issuing,
    build_open_payments_accounts,
    build_open_payments_payments,
    build_sendgrid,
    build_stripe,
    build_sumsub,
    build_twilio,
)
from tests.contract.conftest import NOON


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


def _of_stripe(
    name: str, call: Callable[[Any], Awaitable[object]], *, in_doubt: bool, about: type[Exception] | None = Unavailable
) -> Operation:
    """Three tries in all. `about` is what a no to the content of a request becomes; 409 says that the key is in use."""
    declared = stripe_issuing if "issu" in name else stripe
    build = build_issuing if declared is stripe_issuing else build_stripe
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


_LOGIN: Final = AuthorizationRequest("https://drop.example/callback", "state", "nonce", "challenge")


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


OPERATIONS: Final = (
    Operation("direct: start_consent", direct_banks, build_direct_accounts, _start_consent, attempts=1),
    Operation("direct: balances", direct_banks, build_direct_accounts, _balances),
    Operation(
        "direct: initiate",
        direct_banks,
        build_direct_payments,
        _initiate,
        attempts=1,
        in_doubt=True,
        refusals=dict.fromkeys((400, 403, 404, 409)),
    ),
    Operation(
        "direct: status", direct_banks, build_direct_payments, lambda bank: bank.status(_access("DNBANOKK/payment/sca"))
    ),
    Operation("enable_banking: banks", enable_banking, build_eb_accounts, lambda banks: banks.list_banks("NO")),
    Operation(
        "enable_banking: start_consent",
        enable_banking,
        build_eb_accounts,
        _start_consent,
        first=(_ASPSPS,),
    ),
    Operation(
        "enable_banking: complete_consent",
        enable_banking,
        build_eb_accounts,
        lambda banks: banks.complete_consent(ConsentAccess("DNBANOKK//", _DNB, _PSU), {"code": "c"}),
        attempts=1,
    ),
    Operation(
        "enable_banking: balances",
        enable_banking,
        build_eb_accounts,
        lambda banks: banks.balances(_SESSION),
        first=(_ASPSPS,),
    ),
    Operation(
        "enable_banking: initiate",
        enable_banking,
        build_eb_payments,
        _initiate,
        attempts=1,
        in_doubt=True,
        first=(_ASPSPS,),
    ),
    Operation("enable_banking: status", enable_banking, build_eb_payments, lambda bank: bank.status(_access("1"))),
    Operation(
        "open_payments: token", open_payments, build_open_payments_accounts, lambda banks: banks.list_banks("NO")
    ),
    Operation(
        "open_payments: start_consent",
        open_payments,
        build_open_payments_accounts,
        _start_consent,
        attempts=1,
        first=(_TOKEN,),
    ),
    Operation("open_payments: balances", open_payments, build_open_payments_accounts, _balances, first=(_TOKEN,)),
    Operation(
        "open_payments: initiate",
        open_payments,
        build_open_payments_payments,
        _initiate,
        attempts=1,
        in_doubt=True,
        refusals=dict.fromkeys((400, 403, 404, 409)),
        first=(_TOKEN,),
    ),
    Operation(
        "open_payments: status",
        open_payments,
        build_open_payments_payments,
        lambda bank: bank.status(_access("DNBANOKK/payment/authorisation")),
        first=(_TOKEN,),
    ),
    # Its creations are commands without a key of their own: test_betterstack.py.
    Operation("betterstack: plan", betterstack, build_betterstack, lambda uptime: uptime.plan(_WATCHED)),
    # Its token request is a command of its own: test_bankid.py.
    Operation("bankid: authorization_url", bankid, build_bankid, lambda eid: eid.authorization_url(_LOGIN)),
    Operation("google: geocode", google, build_google, lambda geocoder: geocoder.geocode("Karl Johans gate 1")),
    Operation(
        "sumsub: create_applicant",
        sumsub,
        build_sumsub,
        lambda kyc: kyc.create_applicant(_KARI, "Kari Nordmann"),
        # It exists: who it is, is asked for.
        asks_more={409: 1},
    ),
    Operation("sumsub: get_access_token", sumsub, build_sumsub, lambda kyc: kyc.get_access_token(_KARI, None)),
    Operation(
        "sumsub: get_verification_result",
        sumsub,
        build_sumsub,
        lambda kyc: kyc.get_verification_result("a"),
        refusals={404: None},
    ),
    Operation("sendgrid: send", sendgrid, build_sendgrid, lambda mail: mail.send(_MAIL), attempts=1, in_doubt=True),
    Operation("twilio: send", twilio, build_twilio, lambda sms: sms.send(_SMS), attempts=1, in_doubt=True),
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
    _of_stripe("find_subscription", lambda cards: cards.find_subscription(_SUBSCRIPTION, "cus_1"), in_doubt=False),
    _of_stripe(
        "create_cardholder at the issuer",
        lambda issuer: issuer.create_cardholder(_CARDHOLDER, email=None, phone=None),
        in_doubt=False,
        about=InvalidState,
    ),
    _of_stripe("issue", lambda issuer: issuer.issue(_CARD, _CARDHOLDER), in_doubt=True, about=NotIssued),
)
