"""The adapters of open banking, each with a browser that finds its way through the vendor to the bank and back."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx

from providers.open_banking import mock, open_payments
from providers.open_banking.open_payments_client import SCOPE, Credentials, OpenPaymentsClient
from providers.open_banking.port import AccountInformation, PaymentInitiation
from providers.resilience import Guard
from tests.builders.gateway import BASE
from tests.builders.sandbox import OPENBANKING_SECRET, Sandbox
from tests.vendors import open_payments as face

CALLBACK = f"{BASE}/api/openbanking/callback"


@dataclass
class BankVendor:
    """`site` is where the vendor's own pages are, `finds` whether payments can be looked up by our reference."""

    accounts: AccountInformation
    payments: PaymentInitiation
    sandbox: Sandbox
    site: httpx.AsyncClient | None = None
    finds: bool = True

    async def visit(self, url: str, **form: object) -> dict[str, str]:
        """Go where the user is sent, answer the bank's page, and give what the browser brings back."""
        where = url
        while not where.startswith(CALLBACK):
            if self.site is not None and urlsplit(where).path.startswith(("/connect/", "/back/")):
                response = await self.site.get(where)
                assert response.status_code == 303, response.text
                where = response.headers["location"]
            else:
                where = await self.sandbox.press(where, **form)
        return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}


def a_mock(sandbox: Sandbox) -> BankVendor:
    client = sandbox.client("open_banking", mock)
    payments = mock.MockPaymentInitiation(client, webhook_secret=OPENBANKING_SECRET, clock=sandbox.clock)
    return BankVendor(mock.MockAccountInformation(client), payments, sandbox)


def an_open_payments(sandbox: Sandbox) -> BankVendor:
    app = face.app(face.OpenPayments(sandbox.inner, callback=CALLBACK))
    guard = Guard("open_banking", open_payments.RESILIENCE, open_payments.RETRIED, vendor="open_payments")
    credentials = Credentials(face.CLIENT_ID, face.CLIENT_SECRET, SCOPE, CALLBACK)
    client = OpenPaymentsClient(sandbox.outside(app), guard, credentials, api_url=face.HOST, auth_url=face.HOST)
    return BankVendor(
        open_payments.OpenPaymentsAccounts(client, clock=sandbox.clock),
        open_payments.OpenPaymentsPayments(client, webhook_secret=OPENBANKING_SECRET, clock=sandbox.clock),
        sandbox,
        site=httpx.AsyncClient(transport=httpx.ASGITransport(app)),
        finds=False,
    )
