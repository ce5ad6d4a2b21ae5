"""The requests of NextGenPSD2, which go to an aggregator or to a bank itself.

Source: docs/vendors/nextgenpsd2.md, Security and headers, Authorisation.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from domain.bank_account import Bank
from domain.errors import Unavailable
from providers.calling.vendor_http import UNREADABLE, Answer, VendorHttp, VendorRefusal
from providers.open_banking.nextgenpsd2 import codes_of, link_of
from providers.open_banking.port import Psu

# The port does not carry the user's browser, and the banks only want some value.
_USER_AGENT: Final = "Drop"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reference:
    """The stored reference of a consent or payment: bank, object at the bank, and authorisation under way."""

    bic: str
    id: str
    authorisation: str

    def __str__(self) -> str:
        return f"{self.bic}/{self.id}/{self.authorisation}"

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Read a stored reference. `authorisation` is empty if the bank has not named one."""
        bic, _, rest = text.partition("/")
        identifier, _, authorisation = rest.partition("/")
        return cls(bic, identifier, authorisation)


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of a bank's resources, below its base URL."""

    consents: str
    accounts: str
    payments: str


class Xs2aClient(ABC):
    """Sends NextGenPSD2 requests through a carrier: an aggregator, or the banks themselves.

    Subclasses say what is special about the carrier; the steps of an authorisation are the same for all.
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
            return await self.http_of(bic).call(operation, method, path, read, **content)
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
            return await self.http_of(bic).command(operation, "POST", path, read, headers=headers, json=json)
        except VendorRefusal as refusal:
            self.on_refusal(refusal)
            raise

    @abstractmethod
    async def exchange(self, code: str, headers: Mapping[str, str]) -> None:
        """Exchange the code that the browser brought, if the carrier gives one. A code works once.

        Raises Unavailable.
        """

    @abstractmethod
    def page(self, href: str, redirect_uri: str, bic: str) -> str:
        """The address that the browser is sent to. Raises Unavailable for an address that is not trusted."""

    def refused(self, refusal: VendorRefusal, bic: str) -> Unavailable:
        """The error to raise for a refusal that the user cannot mend. See `Guard.refused`."""
        return self.http_of(bic).refused(refusal.status, next(iter(codes_of(refusal.answer)), "unknown"))

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

    async def authorise(
        self,
        what: str,
        path: str,
        *,
        created: Mapping[str, Any],
        bic: str,
        psu: Psu | None,
        redirect_uri: str,
    ) -> tuple[str, str]:
        """The id of an authorisation, and the address of its page.

        `created` is the bank's answer to the consent, payment or cancellation. If it has no page, an authorisation is
        started at `path`, with the first method that the bank offers. Raises Unavailable, also if the bank has no page.
        """
        try:
            found = self.page_in(created, redirect_uri, bic)
            return found or await self._started(what, path, bic, psu, redirect_uri)
        except VendorRefusal as refusal:
            raise self.refused(refusal, bic) from refusal
        except UNREADABLE as error:
            raise Unavailable("open_banking", "the authorisation cannot be read") from error

    def page_in(self, created: Mapping[str, Any], redirect_uri: str, bic: str) -> tuple[str, str] | None:
        """The id and the page of the authorisation that the bank started by itself, None if it started none.

        Raises Unavailable for a page that is not trusted, and what `UNREADABLE` names for links that cannot be read.
        """
        href = _page_of(created, self.links)
        return (_authorisation_of(created), self.page(href, redirect_uri, bic)) if href is not None else None

    async def authorisation_of(self, what: str, path: str, *, bic: str) -> str:
        """The id of the newest authorisation, for answers that did not name it; empty if none. Raises Unavailable."""
        try:
            answer = await self.call(f"sca_{what}", "GET", path, document_of, bic=bic)
        except VendorRefusal as refusal:
            raise self.refused(refusal, bic) from refusal
        known = answer.get("authorisationIds") or answer.get("cancellationIds") or [""]
        return str(known[-1])

    async def sca_status(self, what: str, path: str, *, bic: str) -> tuple[str, tuple[str, ...]]:
        """The SCA status of an authorisation, with the codes of its messages. Raises Unavailable."""
        try:
            answer = await self.call(f"sca_{what}", "GET", path, document_of, bic=bic)
        except VendorRefusal as refusal:
            raise self.refused(refusal, bic) from refusal
        return str(answer.get("scaStatus")), codes_of(answer)

    async def _started(self, what: str, path: str, bic: str, psu: Psu | None, redirect_uri: str) -> tuple[str, str]:
        more: dict[str, Any] = {"bic": bic, "psu": psu, "headers": self.redirect_headers(redirect_uri)}
        started = await self.call(f"authorise_{what}", "POST", path, document_of, json={}, **more)
        identifier, href = str(started["authorisationId"]), _page_of(started, self.links)
        methods = started.get("scaMethods") or ()
        if href is None and methods:
            # Never chosen by name: the names differ from country to country.
            chosen = {"authenticationMethodId": methods[0]["authenticationMethodId"]}
            selected = await self.call(
                f"select_{what}", "PUT", f"{path}/{identifier}", document_of, json=chosen, **more
            )
            href = _page_of(selected, self.links)
        if href is None:
            raise Unavailable("open_banking", "the bank offers no page for this approval")
        return identifier, self.page(href, redirect_uri, bic)

    async def _headers(self, bic: str, psu: Psu | None, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = {
            **await self.own_headers(bic),
            # New for every request: no bank promises to know a repeat by it (nextgenpsd2.md, Security and headers).
            "x-request-id": str(uuid4()),
            "psu-user-agent": _USER_AGENT,
            **(more or {}),
        }
        if psu is not None and psu.ip_address is not None:
            headers["psu-ip-address"] = psu.ip_address
        if psu is not None and psu.national_identity_number is not None:
            headers["psu-id"] = psu.national_identity_number
        return headers


def document_of(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object. Raises TypeError if it is not an object."""
    return {**answer.document}


def _page_of(document: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The address of the first link of these names, None if there is none."""
    return next((href for name in names if (href := link_of(document, name))), None)


def _authorisation_of(created: Mapping[str, Any]) -> str:
    """The authorisation's id, taken from the link to its status; empty without that link."""
    href = link_of(created, "scaStatus")
    return urlsplit(href).path.rstrip("/").rpartition("/")[2] if href else ""


def is_trouble(status: int, answer: Mapping[str, Any]) -> bool:
    """Whether a 4xx is trouble. A 429 with a code of its own, such as ACCESS_EXCEEDED, is about this request alone."""
    return status == httpx.codes.REQUEST_TIMEOUT or (status == httpx.codes.TOO_MANY_REQUESTS and not codes_of(answer))
