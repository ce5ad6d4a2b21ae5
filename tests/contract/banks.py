"""The adapters of open banking, each with a browser that finds its way through the vendor to the bank and back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx

from domain.authorisation import Authorisation
from providers.calling.guard import Guard
from providers.open_banking import direct_banks, enable_banking, mock, open_payments
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.enable_banking_client import Application, EnableBankingClient
from providers.open_banking.enable_banking_payments import EnableBankingPayments
from providers.open_banking.enable_banking_webhook import WebhookKeys
from providers.open_banking.open_payments import SCOPE, Credentials, OpenPaymentsClient
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.open_banking.xs2a import Xs2aAccounts
from providers.open_banking.xs2a_payments import Xs2aPayments
from sandbox.people import personas
from tests.builders.gateway import BASE
from tests.builders.sandbox import OPENBANKING_SECRET, Sandbox
from tests.vendors import enable_banking as eb_face
from tests.vendors import enable_banking_routes, nextgenpsd2_routes, open_payments_routes
from tests.vendors import nextgenpsd2 as ng_face
from tests.vendors import open_payments as face

CALLBACK = f"{BASE}/api/openbanking/callback"
HOOK = f"{BASE}/api/webhooks/openbanking"


@dataclass
class BankVendor:
    """The adapters of one vendor, and what is special about it.

    `site` serves the vendor's own pages. `finds` says whether payments can be looked up by our reference, `cancels`
    whether the vendor cancels payments and reports consents that were not given. `sign` makes the vendor's own webhook
    about a payment; without it the bank's is used.
    """

    accounts: AccountInformation
    payments: PaymentInitiation
    sandbox: Sandbox
    site: httpx.AsyncClient | None = None
    finds: bool = True
    cancels: bool = True
    sign: Callable[[bytes], str] | None = None

    async def visit(self, url: str, **form: object) -> dict[str, str]:
        """Go where the user is sent, answer the bank's page, and give what the browser brings back."""
        where = url
        while not where.startswith(CALLBACK):
            if self.site is not None and urlsplit(where).path.startswith(("/connect/", "/back/", "/page/")):
                response = await self.site.get(where)
                assert response.status_code == 303, response.text
                where = response.headers["location"]
            else:
                where = await self.sandbox.press(where, **form)
        return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}

    async def webhook(self, reference: str) -> tuple[bytes, Mapping[str, str]]:
        """What arrives of a payment's last change: its body, and its headers."""
        if self.sign is None:
            posted = await self.sandbox.last_webhook()
            return posted.raw, posted.headers
        raw = json.dumps({"payment_id": reference, "status": "ACSP"}).encode()
        return raw, {"authorization": self.sign(raw)}


def a_mock(sandbox: Sandbox) -> BankVendor:
    client = sandbox.client("open_banking", mock)
    payments = mock.MockPaymentInitiation(client, webhook_secret=OPENBANKING_SECRET, clock=sandbox.clock)
    return BankVendor(mock.MockAccountInformation(client), payments, sandbox)


def an_open_payments(sandbox: Sandbox) -> BankVendor:
    app = open_payments_routes.app(face.OpenPayments(sandbox.inner, callback=CALLBACK))
    guard = Guard("open_banking", open_payments.RESILIENCE, open_payments.RETRIED, vendor="open_payments")
    credentials = Credentials(face.CLIENT_ID, face.CLIENT_SECRET, SCOPE, CALLBACK)
    client = OpenPaymentsClient(sandbox.outside(app), guard, credentials, api_url=face.HOST, auth_url=face.HOST)
    return BankVendor(
        Xs2aAccounts(client, clock=sandbox.clock),
        Xs2aPayments(client, webhook_secret=OPENBANKING_SECRET, clock=sandbox.clock),
        sandbox,
        site=httpx.AsyncClient(transport=httpx.ASGITransport(app)),
        finds=False,
    )


def an_enable_banking(sandbox: Sandbox) -> BankVendor:
    vendor = eb_face.EnableBanking(sandbox.inner, sandbox.clock, callback=CALLBACK)
    vendor.person = personas()["kari"].identity_number
    app = enable_banking_routes.app(vendor)
    http = sandbox.outside(app)
    guard = Guard("open_banking", enable_banking.RESILIENCE, enable_banking.RETRIED, vendor="enable_banking")
    key = eb_face.OUR_KEY.as_pem(private=True).decode()
    application = Application(eb_face.APP_ID, key, CALLBACK, HOOK)
    client = EnableBankingClient(http, guard, application, clock=sandbox.clock, api_url=eb_face.HOST)
    keys = WebhookKeys(http, guard, is_theirs=lambda url: url == eb_face.KEY_URL)
    return BankVendor(
        enable_banking.EnableBankingAccounts(client, clock=sandbox.clock),
        EnableBankingPayments(client, keys, clock=sandbox.clock),
        sandbox,
        site=httpx.AsyncClient(transport=httpx.ASGITransport(app)),
        finds=False,
        cancels=False,
        sign=eb_face.signed_webhook,
    )


def a_direct_bank(sandbox: Sandbox) -> BankVendor:
    app = nextgenpsd2_routes.app(ng_face.NextGenBanks(sandbox.inner))
    guard = Guard("open_banking", direct_banks.RESILIENCE, direct_banks.RETRIED, vendor="direct")
    notifications = NotificationAddress(HOOK, OPENBANKING_SECRET)
    client = direct_banks.DirectBanks(sandbox.outside(app), ng_face.BASES, guard, notifications=notifications)
    return BankVendor(
        Xs2aAccounts(client, clock=sandbox.clock),
        direct_banks.DirectPayments(client, webhook_secret=OPENBANKING_SECRET, clock=sandbox.clock),
        sandbox,
        site=httpx.AsyncClient(transport=httpx.ASGITransport(app)),
        finds=False,
    )


def url_of(awaited: Authorisation | None) -> str:
    """The page of an approval by redirect."""
    assert awaited is not None
    assert awaited.url is not None
    return awaited.url
