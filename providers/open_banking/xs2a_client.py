"""What NextGenPSD2 asks of whoever carries it: an aggregator, or a bank itself. Source: vendor reference 4.1, 4.5."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from domain.bank_account import Bank
from domain.errors import Unavailable
from providers.calling.vendor_http import Answer, VendorHttp, VendorRefusal
from providers.open_banking.nextgenpsd2 import codes_of, link_of
from providers.open_banking.port import Psu

# The wish of a user who is asking, not of one at a certain browser: the port does not carry it further.
_USER_AGENT: Final = "Drop"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reference:
    """What must be known to ask again: the bank, its object, and the authorisation under way."""

    bic: str
    id: str
    authorisation: str

    def __str__(self) -> str:
        return f"{self.bic}/{self.id}/{self.authorisation}"

    @classmethod
    def parse(cls, text: str) -> "Reference":
        bic, _, rest = text.partition("/")
        identifier, _, authorisation = rest.partition("/")
        return cls(bic, identifier, authorisation)


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a bank's resources are."""

    consents: str
    accounts: str
    payments: str


class Xs2aClient(ABC):
    """One carrier's requests. Steps of authorisation are the same for all."""

    # The links to a page, the preferred one first.
    links: ClassVar[tuple[str, ...]] = ("scaOAuth", "scaRedirect")

    @abstractmethod
    async def banks(self, country: str) -> Sequence[Bank]:
        """Raises Unavailable."""

    async def check(self) -> None:
        """Whether we are let in. Raises Unavailable."""
        await self.banks("NO")

    def kid(self, kid: str) -> dict[str, object]:
        """Where a payment carries its KID (4.4)."""
        return {"remittanceInformationStructured": {"reference": kid}}

    @abstractmethod
    def paths(self, bic: str) -> Paths:
        """Of the bank with that BIC."""

    @abstractmethod
    def line(self, bic: str) -> VendorHttp:
        """To the bank with that BIC. Raises Unavailable."""

    async def own_headers(self, bic: str) -> Mapping[str, str]:
        """What the carrier wants on every request besides the standard's. Raises Unavailable."""
        return {}

    @abstractmethod
    def note_refusal(self, refusal: VendorRefusal) -> None:
        """Where a no says something of the carrier's own, such as its token's end."""

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
        """Raises Unavailable, VendorRefusal."""
        content: Any = {"headers": await self._headers(bic, psu, headers), "params": params, "json": json}
        try:
            return await self.line(bic).call(operation, method, path, read, **content)
        except VendorRefusal as refusal:
            self.note_refusal(refusal)
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
        """POST what must not happen twice. Raises Unavailable, InDoubt, VendorRefusal."""
        wishes = {**self.redirect_headers(redirect_uri), **self.notification_headers(about)}
        headers = await self._headers(bic, psu, wishes)
        try:
            return await self.line(bic).command(operation, "POST", path, read, headers=headers, json=json)
        except VendorRefusal as refusal:
            self.note_refusal(refusal)
            raise

    @abstractmethod
    async def exchange(self, code: str, headers: Mapping[str, str]) -> None:
        """The code that the browser brought, where the approval does not count without. Raises Unavailable."""

    @abstractmethod
    def page(self, href: str, redirect_uri: str, bic: str) -> str:
        """The address that the browser is sent to. Raises Unavailable for one that is not trusted."""

    def refused(self, refusal: VendorRefusal, bic: str) -> Unavailable:
        """As `Guard.refused`."""
        return self.line(bic).refused(refusal.status, next(iter(codes_of(refusal.answer)), "unknown"))

    def redirect_headers(self, redirect_uri: str) -> dict[str, str]:
        return {
            "tpp-redirect-preferred": "true",
            "tpp-redirect-uri": redirect_uri,
            "tpp-nok-redirect-uri": redirect_uri,
        }

    def notification_headers(self, about: str) -> Mapping[str, str]:
        """Where news of what is created goes; `about` is our id of it."""
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
        """The id of an authorisation, and its page: the one that came with what was `created`, else by the first method
        that the bank offers, started at `path`.

        Raises Unavailable, also where the bank has no page: what it then shows must be shown by its own app.
        """
        try:
            href = _page_of(created, self.links)
            if href is not None:
                return _authorisation_of(created), self.page(href, redirect_uri, bic)
            return await self._started(what, path, bic, psu, redirect_uri)
        except VendorRefusal as refusal:
            raise self.refused(refusal, bic) from refusal
        except (KeyError, TypeError, IndexError) as error:
            raise Unavailable("open_banking", "the authorisation cannot be read") from error

    async def authorisation_of(self, what: str, path: str, *, bic: str) -> str:
        """The newest authorisation, where the answer that started it did not name it. Raises Unavailable."""
        try:
            answer = await self.call(f"sca_{what}", "GET", path, document_of, bic=bic)
        except VendorRefusal as refusal:
            raise self.refused(refusal, bic) from refusal
        known = answer.get("authorisationIds") or answer.get("cancellationIds") or [""]
        return str(known[-1])

    async def sca_status(self, what: str, path: str, *, bic: str) -> tuple[str, tuple[str, ...]]:
        """How an authorisation stands, with the codes of its messages. Raises Unavailable."""
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
            # Never one that we know by name: they differ from country to country.
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
            # Of the call, not of the payment: nobody promises to know a request again by it (4.1).
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
    """Raises TypeError where it is none."""
    return {**answer.document}


def _page_of(document: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The page of either kind of redirect."""
    return next((href for name in names if (href := link_of(document, name))), None)


def _authorisation_of(created: Mapping[str, Any]) -> str:
    """From the link to its status; empty where there is none."""
    href = link_of(created, "scaStatus")
    return urlsplit(href).path.rstrip("/").rpartition("/")[2] if href else ""


def is_trouble(status: int, answer: Mapping[str, Any]) -> bool:
    """Too many readings without the user are the bank's no to this one, and not a sign that it is overloaded."""
    return status in (408, 429) and "ACCESS_EXCEEDED" not in codes_of(answer)
