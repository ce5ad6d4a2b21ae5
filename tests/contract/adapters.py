"""The production adapters as the contract tests build them, each against an address of the test's own."""

from typing import Final

import httpx

from domain.plan import PLANS
from providers.calling.guard import Guard
from providers.card_issuing import stripe as stripe_issuing
from providers.card_payments import stripe
from providers.email import sendgrid
from providers.email.mock_key import public_key_of
from providers.email.port import Sender
from providers.geocoding import google
from providers.identity import bankid
from providers.kyc import sumsub
from providers.open_banking import direct_banks, enable_banking
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_payments import EnableBankingPayments
from providers.open_banking.enable_banking_webhook import WebhookKeys
from providers.open_banking.open_payments import SCOPE, Credentials, OpenPaymentsClient
from providers.open_banking.xs2a import Xs2aAccounts
from providers.open_banking.xs2a_payments import Xs2aPayments
from providers.sms import twilio
from providers.stripe_sdk import Stripe
from providers.texts import Texts
from providers.uptime import betterstack
from tests.builders.sandbox import MAIL_SECRET, MovedClock
from tests.contract.conftest import NOON
from tests.vendors.enable_banking import OUR_KEY

SECRET: Final = "the-credential"


def build_google(http: httpx.AsyncClient, url: str, guard: Guard) -> google.GoogleGeocoder:
    return google.GoogleGeocoder(http, guard, api_key=SECRET, base_url=url)


def build_sumsub(http: httpx.AsyncClient, url: str, guard: Guard) -> sumsub.SumsubKyc:
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


def build_sendgrid(http: httpx.AsyncClient, url: str, guard: Guard) -> sendgrid.SendgridEmail:
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


def build_twilio(http: httpx.AsyncClient, url: str, guard: Guard) -> twilio.TwilioSms:
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


def build_stripe(http: httpx.AsyncClient, url: str, guard: Guard) -> stripe.StripeCardPayments:
    prices = dict.fromkeys(PLANS, "price_1")
    client = Stripe(http, guard, api_key=SECRET, base_url=url)
    return stripe.StripeCardPayments(client, webhook_secret=SECRET, prices=prices, clock=MovedClock(NOON))


def build_issuing(http: httpx.AsyncClient, url: str, guard: Guard) -> stripe_issuing.StripeCardIssuing:
    return stripe_issuing.StripeCardIssuing(Stripe(http, guard, api_key=SECRET, base_url=url), clock=MovedClock(NOON))


def build_bankid(http: httpx.AsyncClient, url: str, guard: Guard) -> bankid.BankId:
    return bankid.BankId(
        http,
        guard,
        issuer=url,
        client_id="drop",
        client_secret=SECRET,
        auth_method="client_secret_basic",
        clock=MovedClock(NOON),
    )


def build_betterstack(http: httpx.AsyncClient, url: str, guard: Guard) -> betterstack.BetterStack:
    return betterstack.BetterStack(http, guard, token=SECRET, environment="test", base_url=url)


def _open_payments(http: httpx.AsyncClient, url: str, guard: Guard) -> OpenPaymentsClient:
    credentials = Credentials("drop", SECRET, SCOPE, "https://drop.example/callback")
    return OpenPaymentsClient(http, guard, credentials, api_url=url, auth_url=url)


def build_open_payments_accounts(http: httpx.AsyncClient, url: str, guard: Guard) -> Xs2aAccounts:
    return Xs2aAccounts(_open_payments(http, url, guard), clock=MovedClock(NOON))


def build_open_payments_payments(http: httpx.AsyncClient, url: str, guard: Guard) -> Xs2aPayments:
    return Xs2aPayments(_open_payments(http, url, guard), webhook_secret=SECRET, clock=MovedClock(NOON))


def _enable_banking(http: httpx.AsyncClient, url: str, guard: Guard) -> EnableBankingClient:
    key = OUR_KEY.as_pem(private=True).decode()
    application = Application(SECRET, key, "https://drop.example/callback", "https://drop.example/hook")
    return EnableBankingClient(http, guard, application, clock=MovedClock(NOON), api_url=url)


def build_eb_accounts(http: httpx.AsyncClient, url: str, guard: Guard) -> enable_banking.EnableBankingAccounts:
    return enable_banking.EnableBankingAccounts(_enable_banking(http, url, guard), clock=MovedClock(NOON))


def build_eb_payments(http: httpx.AsyncClient, url: str, guard: Guard) -> EnableBankingPayments:
    keys = WebhookKeys(http, guard, is_theirs=lambda url: True)
    return EnableBankingPayments(_enable_banking(http, url, guard), keys, clock=MovedClock(NOON))


def _direct(http: httpx.AsyncClient, url: str, guard: Guard) -> direct_banks.DirectBanks:
    notifications = NotificationAddress("https://drop.example/hook", SECRET)
    return direct_banks.DirectBanks(http, {"bank_dnb": url}, guard, notifications=notifications)


def build_direct_accounts(http: httpx.AsyncClient, url: str, guard: Guard) -> Xs2aAccounts:
    return Xs2aAccounts(_direct(http, url, guard), clock=MovedClock(NOON))


def build_direct_payments(http: httpx.AsyncClient, url: str, guard: Guard) -> direct_banks.DirectPayments:
    return direct_banks.DirectPayments(_direct(http, url, guard), webhook_secret=SECRET, clock=MovedClock(NOON))
