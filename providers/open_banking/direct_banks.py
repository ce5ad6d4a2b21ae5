"""Banks by their own NextGenPSD2 interface, with our certificate. Source: vendor reference 4.

Each bank has its own breaker: one that is away takes none of the others with it.
"""

from collections.abc import Callable, Mapping, Sequence
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
from providers.open_banking.message_signing import MessageSigning
from providers.open_banking.nextgenpsd2 import codes_of
from providers.open_banking.port import BankEvent
from providers.open_banking.xs2a import RESILIENCE as RESILIENCE
from providers.open_banking.xs2a import RETRIED as RETRIED
from providers.open_banking.xs2a import Xs2aPayments
from providers.open_banking.xs2a_client import Paths, Xs2aClient, is_trouble

_COUNTRY: Final = "NO"
# What a bank says of a certificate or seal (4.6).
_NOT_LET_IN: Final = ("CERTIFICATE_", "SIGNATURE_", "ROLE_")


@dataclass(frozen=True, slots=True)
class _Reached:
    profile: BankProfile
    base_url: str
    http: VendorHttp


class DirectBanks(Xs2aClient):
    """`bases` are the banks' addresses by our id; `guard_of` makes a bank's guard; `seal` signs where a bank asks.

    `notifications` is where a bank may push its news, under a name of our certificate's (4.1).
    """

    # A bank's scaOAuth is no page but its authorization server's description (4.5): none of these banks uses it.
    links = ("scaRedirect",)

    def __init__(
        self,
        http: httpx.AsyncClient,
        bases: Mapping[str, str],
        guard_of: Callable[[BankId], Guard],
        *,
        notifications: NotificationAddress,
        seal: MessageSigning | None = None,
    ) -> None:
        self.notifications = notifications
        self._reached: dict[str, _Reached] = {}
        for bank_id, base in bases.items():
            profile, guard = by_id(BankId(bank_id)), guard_of(BankId(bank_id))
            auth = seal if profile.signs else None
            line = VendorHttp(http, guard, base_url=base, auth=auth, is_trouble=is_trouble)
            self._reached[profile.bic] = _Reached(profile, base.rstrip("/"), line)

    async def banks(self, country: str) -> Sequence[Bank]:
        if country != _COUNTRY:
            return []
        profiles = [reached.profile for reached in self._reached.values()]
        return [Bank(one.id, one.name, one.bic, _COUNTRY, one.part_of) for one in profiles]

    async def check(self) -> None:
        """Of each bank, by a consent that does not exist: its no says that our certificate and seal are taken."""
        for bic, reached in self._reached.items():
            try:
                await self.call("check", "GET", "/v1/consents/doctor", lambda answer: None, bic=bic)
            except VendorRefusal as refusal:
                if any(code.startswith(_NOT_LET_IN) for code in codes_of(refusal.answer)):
                    raise self.refused(refusal, bic) from refusal
            except Unavailable as error:
                raise Unavailable("open_banking", f"{reached.profile.name} does not answer") from error

    def notification_headers(self, about: str) -> Mapping[str, str]:
        """A bank that has none of this ignores it (4.6)."""
        return {
            "tpp-notification-uri": self.notifications.about(about),
            "tpp-notification-content-preferred": "status=SCA,PROCESS,LAST",
        }

    def paths(self, bic: str) -> Paths:
        return Paths("/v1/consents", "/v1/accounts", f"/v1/payments/{by_bic(bic).product}")

    def line(self, bic: str) -> VendorHttp:
        return self._at(bic).http

    def note_refusal(self, refusal: VendorRefusal) -> None:
        """Nothing of ours ends with a bank's no."""

    async def exchange(self, code: str, headers: Mapping[str, str]) -> None:
        """The bank's own page leaves nothing to be exchanged."""

    def page(self, href: str, redirect_uri: str, bic: str) -> str:
        """Of the bank itself, or of a name below its own."""
        reached = self._at(bic)
        url = urljoin(f"{reached.base_url}/", href)
        host, own = urlsplit(url).hostname or "", urlsplit(reached.base_url).hostname or ""
        domain = reached.profile.domain
        is_theirs = host == own or (domain is not None and is_within(host, domain))
        if not (is_theirs and is_safe(url)):
            raise Unavailable("open_banking", "the approval's page is not the bank's")
        return url

    def _at(self, bic: str) -> _Reached:
        """Raises Unavailable."""
        if bic not in self._reached:
            raise Unavailable("open_banking", "this bank is not reached directly")
        return self._reached[bic]


class DirectPayments(Xs2aPayments):
    """With the banks' own notifications: hints, as a relay's are."""

    def __init__(self, banks: DirectBanks, *, webhook_secret: str, clock: Clock) -> None:
        super().__init__(banks, webhook_secret=webhook_secret, clock=clock)
        self._notifications = banks.notifications

    async def parse_webhook(self, raw: bytes, headers: Mapping[str, str], url: str) -> BankEvent:
        if bank_notification.is_one(url):
            return self._notifications.read(raw, url)
        return await super().parse_webhook(raw, headers, url)

    def read_webhook(self, raw: bytes) -> BankEvent:
        try:
            return bank_notification.read(raw)
        except BadWebhook:
            return super().read_webhook(raw)
