"""Open Payments carries NextGenPSD2 to many banks. Source: docs/vendors/open_payments.md.

It sends no webhooks: the status of a payment is read after the user's return and by reconciliation.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urljoin

import httpx
import structlog
from pydantic import Field, SecretStr

from domain.bank_account import Bank
from domain.errors import InDoubt, Unavailable
from domain.redirect import state_of
from providers.calling.guard import BANK_LIST, Guard
from providers.calling.loopback import is_safe
from providers.calling.vendor_http import UNREADABLE, Answer, VendorHttp, VendorRefusal
from providers.declaration import Tools, Vendor
from providers.open_banking.bank_profiles import by_bic
from providers.open_banking.bank_settings import (
    ADDRESS,
    OpenBankingSettings,
    callback_url_of,
    previous_webhook_secret_of,
    webhook_secret_of,
)
from providers.open_banking.certificate_watch import watched_internet
from providers.open_banking.port import BankAdapters
from providers.open_banking.readings import identifier
from providers.open_banking.xs2a import RESILIENCE as RESILIENCE
from providers.open_banking.xs2a import RETRIED as RETRIED
from providers.open_banking.xs2a import Xs2aAccounts
from providers.open_banking.xs2a_client import Paths, Xs2aClient, is_trouble
from providers.open_banking.xs2a_payments import Xs2aPayments
from providers.setting_types import secret_of

API_URL: Final = "https://api.openbankingplatform.com"
AUTH_URL: Final = "https://auth.openbankingplatform.com"
_TEST_DOMAIN: Final = "sandbox.openbankingplatform.com"
SCOPE: Final = "aspspinformation accountinformation paymentinitiation private"
_RENEW_EARLY_S: Final = 60
_log = structlog.get_logger()
_BANKS: Final = "/psd2/aspspinformation/v1/aspsps"
_PATHS: Final = Paths(
    consents="/psd2/consent/v1/consents",
    accounts="/psd2/accountinformation/v1/accounts",
    # The payment product for a currency other than euro inside one country (docs/vendors/open_payments.md, Payments).
    payments="/psd2/paymentinitiation/v1/payments/domestic",
)


class OpenPaymentsSettings(OpenBankingSettings):
    """Our application at Open Payments."""

    openpayments_api_url: str = Field(
        default=API_URL,
        description="Open Payments' API; https://api.sandbox.openbankingplatform.com for tests.",
    )
    openpayments_auth_api_url: str = Field(
        default=AUTH_URL,
        description="Open Payments' tokens; https://auth.sandbox.openbankingplatform.com for tests.",
    )
    openbanking_client_id: str | None = Field(default=None, description="Open Payments, your application's client id.")
    openbanking_client_secret: SecretStr | None = Field(
        default=None, description="The application's secret, which is shown once."
    )
    openbanking_scope: str = Field(
        default=SCOPE,
        description="What is asked of Open Payments; leave aspspinformation out where it is refused.",
    )


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our application at the vendor. Banks send browsers back to `callback_url`, which must be registered there."""

    client_id: str
    client_secret: str
    scope: str
    callback_url: str


class OpenPaymentsClient(Xs2aClient):
    """The client of both ports that the vendor serves, so that they share a token and the banks' breakers."""

    def __init__(
        self, http: httpx.AsyncClient, guard: Guard, credentials: Credentials, *, api_url: str, auth_url: str
    ) -> None:
        self._api = VendorHttp(http, guard, base_url=api_url, is_trouble=is_trouble)
        self._auth = VendorHttp(http, guard, base_url=auth_url)
        self._auth_url = auth_url.rstrip("/")
        self._credentials = credentials
        self._token: tuple[float, str] | None = None

    async def token(self) -> str:
        """The access token of our application, kept until shortly before it expires. Raises Unavailable."""
        if self._token is None or time.monotonic() >= self._token[0]:
            form = {"grant_type": "client_credentials", "scope": self._credentials.scope, **self._client}
            try:
                lives_s, token = await self._auth.call("token", "POST", "/connect/token", _token_of, data=form)
            except VendorRefusal as refusal:
                raise self._auth.refused(refusal.status, refusal.answer.get("error")) from refusal
            self._token = (time.monotonic() + lives_s - _RENEW_EARLY_S, token)
        return self._token[1]

    async def banks(self, country: str) -> Sequence[Bank]:
        def read(answer: Answer) -> list[Bank]:
            return _banks(answer, country)

        try:
            # Without a BIC: the list is the vendor's, not one bank's.
            return await self.call("banks", "GET", _BANKS, read, bic="", params={"isoCountryCodes": country})
        except VendorRefusal as refusal:
            raise self.refused(refusal, "") from refusal

    def kid(self, kid: str) -> dict[str, object]:
        # `domestic` has no field for a KID (A.5, unverified), so it goes into the text that the payee reads.
        return {"remittanceInformationUnstructured": kid}

    def paths(self, bic: str) -> Paths:
        return _PATHS

    def http_of(self, bic: str) -> VendorHttp:
        return self._api.at(by_bic(bic).id if bic else BANK_LIST)

    async def own_headers(self, bic: str) -> Mapping[str, str]:
        token = {"authorization": f"Bearer {await self.token()}"}
        return {**token, "x-bicfi": bic} if bic else token

    def on_refusal(self, refusal: VendorRefusal) -> None:
        """Forget the token if the vendor does not accept it any more: the next request gets a new one."""
        if refusal.status == httpx.codes.UNAUTHORIZED:
            self._token = None

    async def exchange(self, code: str, headers: Mapping[str, str], bic: str) -> None:
        """As `Xs2aClient.exchange`. An approval at this vendor does not count before its code is exchanged."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._credentials.callback_url,
            "scope": self._credentials.scope,
            **self._client,
        }
        try:
            # The bank takes part in this exchange, so that its silence is not the token host's.
            await self._auth.at(by_bic(bic).id).command(
                "exchange", "POST", "/connect/token", lambda answer: None, data=form, headers=headers
            )
        except InDoubt as error:
            raise Unavailable("open_banking") from error
        except VendorRefusal:
            return  # the code was used before or has expired: the caller reads the status next

    @property
    def _client(self) -> dict[str, str]:
        return {"client_id": self._credentials.client_id, "client_secret": self._credentials.client_secret}

    def page(self, href: str, redirect_uri: str, bic: str) -> str:
        """The link with its placeholders filled in. The vendor wants `state` apart from the return address."""
        placeholders = {
            "[CLIENT_ID]": self._credentials.client_id,
            "[TPP_REDIRECT_URI]": self._credentials.callback_url,
            "[TPP_STATE]": state_of(redirect_uri),
        }
        url = urljoin(f"{self._auth_url}/", href)
        for placeholder, value in placeholders.items():
            for spelling in (placeholder, quote(placeholder, safe="")):
                url = url.replace(spelling, quote(value, safe=""))
        if not is_safe(url):
            raise Unavailable("open_banking", "the bank's page is not encrypted")
        return url


def _token_of(answer: Answer) -> tuple[float, str]:
    return float(answer.document["expires_in"]), str(answer.document["access_token"])


def _banks(answer: Answer, country: str) -> list[Bank]:
    """The banks that can be read. Raises what `UNREADABLE` names where there is no list of them."""
    found: list[Bank] = []
    for item in answer.document["aspsps"]:
        try:
            profile = by_bic(identifier(item["bicFi"]))
            found.append(Bank(profile.id, identifier(item["name"]), profile.bic, country, profile.part_of))
        except UNREADABLE:
            _log.warning("bank_unreadable", vendor="open_payments")
    return found


def _build(settings: OpenPaymentsSettings, tools: Tools) -> BankAdapters:
    credentials = Credentials(
        settings.openbanking_client_id or "",
        secret_of(settings.openbanking_client_secret),
        settings.openbanking_scope,
        callback_url_of(settings, tools.public_url),
    )
    client = OpenPaymentsClient(
        watched_internet(settings, tools),
        tools.guard(RESILIENCE, RETRIED),
        credentials,
        api_url=settings.openpayments_api_url,
        auth_url=settings.openpayments_auth_api_url,
    )
    accounts = Xs2aAccounts(client, clock=tools.clock)
    tools.add_check(accounts.check)
    payments = Xs2aPayments(
        client,
        webhook_secret=webhook_secret_of(settings),
        clock=tools.clock,
        previous_webhook_secret=previous_webhook_secret_of(settings),
    )
    return BankAdapters(accounts, payments)


VENDOR: Final = Vendor(
    "open_payments",
    OpenPaymentsSettings,
    _build,
    needs=("openbanking_client_id", "openbanking_client_secret", "openbanking_webhook_secret"),
    address=ADDRESS,
    test_hosts=dict.fromkeys(("openpayments_api_url", "openpayments_auth_api_url"), (_TEST_DOMAIN,)),
)
