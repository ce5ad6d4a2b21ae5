"""Banks by their own NextGenPSD2 interface, with our certificate. Source: docs/vendors/nextgenpsd2.md.

Each bank has its own breaker, so that a bank that is away stops no calls to the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from domain.bank_account import Bank
from domain.clock import Clock
from domain.errors import BadWebhook, Unavailable
from domain.ids import BankId
from providers.calling.guard import Guard
from providers.calling.loopback import is_safe, is_within
from providers.calling.vendor_http import VendorHttp, VendorRefusal
from providers.open_banking import bank_notification
from providers.open_banking.bank_notification import NotificationAddress
from providers.open_banking.bank_profiles import BankProfile, by_bic, by_id
from providers.open_banking.nextgenpsd2 import codes_of
from providers.open_banking.port import BankEvent
from providers.open_banking.xs2a import RESILIENCE as RESILIENCE
from providers.open_banking.xs2a import RETRIED as RETRIED
from providers.open_banking.xs2a_client import Paths, Xs2aClient, is_trouble
from providers.open_banking.xs2a_payments import Xs2aPayments

_COUNTRY: Final = "NO"
# Codes that begin so say that the bank refuses our certificate or seal (nextgenpsd2.md, Errors and notifications).
_CERTIFICATE_REFUSED: Final = ("CERTIFICATE_", "SIGNATURE_", "ROLE_")


@dataclass(frozen=True, slots=True)
class _DirectBank:
    profile: BankProfile
    base_url: str
    http: VendorHttp


class DirectBanks(Xs2aClient):
    """Calls banks at their own interfaces.

    `bases` are the banks' base URLs by our id. `guard` has a part for each bank. `seal` signs the requests to banks
    that want it. `notifications` makes the addresses that banks may push to; their host must be named in our
    certificate (docs/vendors/nextgenpsd2.md, Status push).
    """

    # At a bank itself, scaOAuth is no page but describes an authorization server (nextgenpsd2.md, Authorisation).
    # None of these banks uses it.
    links = ("scaRedirect",)

    def __init__(
        self,
        http: httpx.AsyncClient,
        bases: Mapping[str, str],
        guard: Guard,
        *,
        notifications: NotificationAddress,
        seal: httpx.Auth | None = None,
    ) -> None:
        self.notifications = notifications
        self._banks: dict[str, _DirectBank] = {}
        for bank_id, base in bases.items():
            profile, own = by_id(BankId(bank_id)), guard.at(bank_id, has_own_host=True)
            auth = seal if profile.signs else None
            bank_http = VendorHttp(http, own, base_url=base, auth=auth, is_trouble=is_trouble)
            self._banks[profile.bic] = _DirectBank(profile, base.rstrip("/"), bank_http)

    async def banks(self, country: str) -> Sequence[Bank]:
        if country != _COUNTRY:
            return []
        profiles = [bank.profile for bank in self._banks.values()]
        return [Bank(profile.id, profile.name, profile.bic, _COUNTRY, profile.part_of) for profile in profiles]

    async def check(self) -> None:
        """Check each bank by reading a consent that does not exist: its refusal shows that it accepts our certificate.

        Raises Unavailable.
        """
        for bic, bank in self._banks.items():
            try:
                await self.call("check", "GET", "/v1/consents/doctor", lambda answer: None, bic=bic)
            except VendorRefusal as refusal:
                if any(code.startswith(_CERTIFICATE_REFUSED) for code in codes_of(refusal.answer)):
                    raise self.refused(refusal, bic) from refusal
            except Unavailable as error:
                raise Unavailable("open_banking", f"{bank.profile.name} does not answer") from error

    def notification_headers(self, about: str) -> Mapping[str, str]:
        """The address that the bank may push to. Other banks ignore the headers (nextgenpsd2.md, Status push)."""
        return {
            "tpp-notification-uri": self.notifications.about(about),
            "tpp-notification-content-preferred": "status=SCA,PROCESS,LAST",
        }

    def paths(self, bic: str) -> Paths:
        return Paths("/v1/consents", "/v1/accounts", f"/v1/payments/{by_bic(bic).product}")

    def http_of(self, bic: str) -> VendorHttp:
        return self._bank(bic).http

    def on_refusal(self, refusal: VendorRefusal) -> None:
        """Do nothing: there is no token that a refusal could end."""

    async def exchange(self, code: str, headers: Mapping[str, str], bic: str) -> None:
        """Do nothing: the bank's own page gives the browser no code."""

    def page(self, href: str, redirect_uri: str, bic: str) -> str:
        """The page's address. Raises Unavailable unless it is encrypted and on the bank's host or domain."""
        bank = self._bank(bic)
        url = urljoin(f"{bank.base_url}/", href)
        host, own = urlsplit(url).hostname or "", urlsplit(bank.base_url).hostname or ""
        domain = bank.profile.domain
        is_at_bank = host == own or (domain is not None and is_within(host, domain))
        if not (is_at_bank and is_safe(url)):
            raise Unavailable("open_banking", "the approval's page is not the bank's")
        return url

    def _bank(self, bic: str) -> _DirectBank:
        """Raises Unavailable for a bank that is not set up."""
        if bic not in self._banks:
            raise Unavailable("open_banking", "this bank is not reached directly")
        return self._banks[bic]


class DirectPayments(Xs2aPayments):
    """Payments at the banks' own interfaces. It also reads the notifications that banks push themselves."""

    def __init__(
        self,
        banks: DirectBanks,
        *,
        webhook_secret: str,
        clock: Clock,
        previous_webhook_secret: str | None = None,
    ) -> None:
        super().__init__(
            banks, webhook_secret=webhook_secret, clock=clock, previous_webhook_secret=previous_webhook_secret
        )
        self._notifications = banks.notifications

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        if bank_notification.is_notification_address(url):
            return self._notifications.read(raw, url)
        return await super().parse_webhook(raw, headers, url)

    def read_webhook(self, raw: bytes) -> BankEvent:
        try:
            return bank_notification.read(raw)
        except BadWebhook:
            return super().read_webhook(raw)
