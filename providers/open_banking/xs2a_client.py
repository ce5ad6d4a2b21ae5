"""The requests of NextGenPSD2, which go to an aggregator or to a bank itself.

Source: docs/vendors/nextgenpsd2.md, Security and headers, Authorisation.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar
from uuid import uuid4

import httpx

from domain.bank_account import Bank
from domain.errors import Unavailable
from providers.calling.vendor_http import Answer, VendorHttp, VendorRefusal
from providers.open_banking.bank_profiles import by_bic
from providers.open_banking.bank_warnings import note_warnings
from providers.open_banking.nextgenpsd2 import codes_of
from providers.open_banking.port import PaymentForgotten, Psu
from providers.open_banking.vendor_ids import from_reference, in_reference

# NextGenPSD2, 14.11.2: the initiation has lapsed, or its id is not known (403 or 404 by the version of the standard).
_EXPIRED: Final = "RESOURCE_EXPIRED"
_FORGOTTEN: Final = frozenset({_EXPIRED, "RESOURCE_UNKNOWN"})
_CREDENTIALS: Final = frozenset({401, 403})
# Codes of a 401 or 403 that say nothing of our certificate, token or role (nextgenpsd2.md, Errors).
_ABOUT_THE_USER: Final = ("CONSENT_", "CORPORATE_", "PRODUCT_", "PSU_", "RESOURCE_", "SERVICE_")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reference:
    """The stored reference of a consent or payment: bank, object at the bank, and authorisation under way.

    `method` is the one that the bank has offered with the object, until it is chosen; empty else.
    """

    bic: str
    id: str
    authorisation: str
    method: str = ""

    def __str__(self) -> str:
        parts = (self.id, self.authorisation, *([self.method] if self.method else []))
        return "/".join((self.bic, *map(in_reference, parts)))

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Read a stored reference. `authorisation` is empty if the bank has not named one."""
        bic, _, rest = text.partition("/")
        identifier, _, rest = rest.partition("/")
        authorisation, _, method = rest.partition("/")
        return cls(bic, from_reference(identifier), from_reference(authorisation), from_reference(method))


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of a bank's resources, below its base URL."""

    consents: str
    accounts: str
    payments: str


class Xs2aClient(ABC):
    """Sends NextGenPSD2 requests through a carrier: an aggregator, or the banks themselves.

    Subclasses say what is special about the carrier.
    """

    # The names of the links that lead to a page, the preferred one first.
    links: ClassVar[tuple[str, ...]] = ("scaOAuth", "scaRedirect")

    @abstractmethod
    async def banks(self, country: str) -> Sequence[Bank]:
        """The banks of a country (ISO 3166, such as NO). Raises Unavailable."""

    async def check(self) -> None:
        """Check that our credentials are accepted. Raises Unavailable."""
        await self.banks("NO")

    def kid(self, kid: str) -> dict[str, object]:
        """The fields in which a payment carries its KID (docs/vendors/nextgenpsd2.md, Payments)."""
        return {"remittanceInformationStructured": {"reference": kid}}

    @abstractmethod
    def paths(self, bic: str) -> Paths:
        """The paths of the bank with that BIC."""

    @abstractmethod
    def http_of(self, bic: str) -> VendorHttp:
        """The client for the bank with that BIC. Raises Unavailable for a bank that is not set up."""

    async def own_headers(self, bic: str) -> Mapping[str, str]:
        """The headers that the carrier wants besides the standard's. Raises Unavailable."""
        return {}

    @abstractmethod
    def on_refusal(self, refusal: VendorRefusal) -> None:
        """Called for every refusal, which may mean that the carrier's token has ended."""

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        read: Callable[[Answer], Result],
        *,
        bic: str,
        psu: Psu | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Result:
        """Send a request that is harmless if it was carried out unseen. Raises Unavailable, VendorRefusal."""
        content: Any = {"headers": await self._headers(bic, psu, headers), "params": params, "json": json}
        try:
            return await self.http_of(bic).call(operation, method, path, _noting(read, bic), **content)
        except VendorRefusal as refusal:
            self.on_refusal(refusal)
            raise

    async def command(
        self,
        operation: str,
        path: str,
        read: Callable[[Answer], Result],
        *,
        bic: str,
        psu: Psu,
        redirect_uri: str,
        about: str,
        json: object,
    ) -> Result:
        """POST what must not be carried out twice. Raises Unavailable, InDoubt, VendorRefusal."""
        wishes = {**self.redirect_headers(redirect_uri), **self.notification_headers(about)}
        headers = await self._headers(bic, psu, wishes)
        try:
            return await self.http_of(bic).command(
                operation, "POST", path, _noting(read, bic), headers=headers, json=json
            )
        except VendorRefusal as refusal:
            self.on_refusal(refusal)
            raise

    @abstractmethod
    async def exchange(self, code: str, headers: Mapping[str, str], bic: str) -> None:
        """Exchange the code that the browser brought from that bank, if the carrier gives one. A code works once.

        Raises Unavailable.
        """

    @abstractmethod
    def page(self, href: str, redirect_uri: str, bic: str) -> str:
        """The address that the browser is sent to. Raises Unavailable for an address that is not trusted."""

    def forgotten(self, refusal: VendorRefusal) -> PaymentForgotten | None:
        """The error to raise for a refusal that says that the payment in the path is not known; None for others."""
        codes = codes_of(refusal.answer)
        return PaymentForgotten(is_expired=_EXPIRED in codes) if not _FORGOTTEN.isdisjoint(codes) else None

    def refused(self, refusal: VendorRefusal, bic: str) -> Unavailable:
        """The error to raise for a refusal that the user cannot mend. See `Guard.refused`."""
        code = next(iter(codes_of(refusal.answer)), "unknown")
        is_ours = refusal.status in _CREDENTIALS and not code.startswith(_ABOUT_THE_USER)
        return self.http_of(bic).refused(refusal.status, code, is_ours=is_ours, of_object=True)

    def redirect_headers(self, redirect_uri: str) -> dict[str, str]:
        """Ask for an approval page, and say where it sends the browser afterwards."""
        return {
            "tpp-redirect-preferred": "true",
            "tpp-redirect-uri": redirect_uri,
            "tpp-nok-redirect-uri": redirect_uri,
        }

    def notification_headers(self, about: str) -> Mapping[str, str]:
        """The address that the bank may push to about the created object. `about` is our id of the object."""
        return {}

    async def _headers(self, bic: str, psu: Psu | None, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = {
            **await self.own_headers(bic),
            # New for every request: no bank promises to know a repeat by it (nextgenpsd2.md, Security and headers).
            "x-request-id": str(uuid4()),
            **(more or {}),
        }
        if psu is None or psu.device is None:
            return headers
        number = psu.national_identity_number
        return {**headers, **psu.headers, **({"psu-id": number} if number is not None else {})}


def _noting(read: Callable[[Answer], Result], bic: str) -> Callable[[Answer], Result]:
    """Reads as `read`, once what the bank warns of beside its answer is noted."""

    def noted(answer: Answer) -> Result:
        note_warnings(answer.document, by_bic(bic).id)
        return read(answer)

    return noted if bic else read


def is_trouble(status: int, answer: Mapping[str, Any]) -> bool:
    """Whether a 4xx is trouble. A 429 with a code of its own, such as ACCESS_EXCEEDED, is about this request alone."""
    return status == httpx.codes.REQUEST_TIMEOUT or (status == httpx.codes.TOO_MANY_REQUESTS and not codes_of(answer))
