"""Enable Banking's tokens, banks and errors.

Source: docs/vendors/enable_banking.md, Application and token, Banks, Errors.
"""

import math
import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

import httpx
import structlog
from joserfc import jwt
from joserfc.jwk import RSAKey

from domain.clock import Clock
from domain.errors import Unavailable
from domain.ids import BankId
from providers.calling.guard import BANK_LIST, Guard
from providers.calling.json_parts import objects_in, text, texts_in
from providers.calling.vendor_http import UNREADABLE, Answer, VendorHttp, VendorRefusal
from providers.open_banking.bank_profiles import by_bic
from providers.open_banking.enable_banking_methods import method_named
from providers.open_banking.port import Psu

API_URL: Final = "https://api.enablebanking.com"
_TOKEN_LIVES: Final = timedelta(hours=1)
_RENEW_EARLY_S: Final = 60
_BANKS_FRESH_S: Final = 3_600
# A bank that is called is found in an older list, too: the call must not wait for a list.
_BANKS_KEPT_S: Final = 24 * 3_600
# 180 days are usual, and 90 were until 2023 (EU 2022/2360).
_USUAL_CONSENT: Final = timedelta(days=90)
# Errors that say that our application is set up wrong, or may not do this (enable_banking.md, Errors).
_OURS: Final = frozenset(
    {
        "UNAUTHORIZED_ACCESS",
        "UNAUTHORIZED_IP",
        "INVALID_HOST",
        "ACCESS_DENIED",
        "AUTHORIZATION_NOT_PROVIDED",
        "REDIRECT_URI_NOT_ALLOWED",
        "WEBHOOK_URI_NOT_ALLOWED",
    }
)
_CREDENTIALS: Final = frozenset({401, 403})
# With these errors the bank has failed: it has not turned the request down.
_TROUBLE: Final = frozenset({"ASPSP_ERROR", "ASPSP_TIMEOUT"})
# Letters without a plain form of their own.
_LETTERS: Final = str.maketrans({"æ": "ae", "ø": "o", "å": "a"})
_log = structlog.get_logger()
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Aspsp:
    """A bank at the vendor, which knows it by name and country. `bic` may be another bank's as well, or empty.

    `final_statuses` are the last payment statuses that the bank sends for a payment that went well. `consent_method`
    and `payment_method` name in a request how the user approves, empty where the vendor's page asks the user.
    """

    bank_id: BankId
    name: str
    country: str
    bic: str
    longest_consent: timedelta
    psu_headers: frozenset[str]
    final_statuses: frozenset[str]
    consent_method: dict[str, str]
    payment_method: dict[str, str]

    @property
    def key(self) -> dict[str, str]:
        """The bank as the vendor's requests name it."""
        return {"name": self.name, "country": self.country}


@dataclass(frozen=True, slots=True)
class Application:
    """Our application at the vendor. Both URLs must be registered there. `private_key` is in PEM."""

    id: str
    private_key: str
    callback_url: str
    webhook_url: str


class EnableBankingClient:
    """The client of both ports that the vendor serves, so that they share a token, a list of banks and breakers."""

    def __init__(
        self, http: httpx.AsyncClient, guard: Guard, application: Application, *, clock: Clock, api_url: str
    ) -> None:
        self._http = VendorHttp(http, guard, base_url=api_url, is_trouble=_is_trouble)
        self.application = application
        self._key = RSAKey.import_key(application.private_key)
        self._clock = clock
        self._token: tuple[float, str] | None = None
        self._banks: dict[str, tuple[float, list[Aspsp]]] = {}

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        read: Callable[[Answer], Result],
        *,
        bank: BankId | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Result:
        """Send a request that is harmless if it was carried out unseen; None as `bank` is for the vendor's own.

        Raises Unavailable, VendorRefusal.
        """
        content: Any = {"headers": {**self._bearer, **(headers or {})}, "params": params, "json": json}
        return await self._of(bank).call(operation, method, path, read, **content)

    async def command(
        self,
        operation: str,
        path: str,
        read: Callable[[Answer], Result],
        *,
        bank: BankId,
        headers: Mapping[str, str],
        json: object,
    ) -> Result:
        """POST what must not be carried out twice. Raises Unavailable, InDoubt, VendorRefusal."""
        with_token = {**self._bearer, **headers}
        return await self._of(bank).command(operation, "POST", path, read, headers=with_token, json=json)

    async def application_is_active(self) -> bool:
        """Whether our application is active. The cheapest request that checks our key. Raises Unavailable."""
        try:
            return await self.call("check", "GET", "/application", lambda answer: bool(answer.document["active"]))
        except VendorRefusal as refusal:
            raise self.refused(refusal) from refusal

    async def banks(self, country: str) -> list[Aspsp]:
        """The banks of a country (ISO 3166, such as NO) for consumers, kept for an hour. Raises Unavailable."""
        known = self._banks.get(country)
        if known is None or time.monotonic() - known[0] > _BANKS_FRESH_S:
            params = {"country": country, "psu_type": "personal"}
            try:
                found = await self.call("banks", "GET", "/aspsps", _aspsps, bank=BankId(BANK_LIST), params=params)
            except VendorRefusal as refusal:
                raise self.refused(refusal) from refusal
            known = (time.monotonic(), found)
            self._banks[country] = known
        return known[1]

    async def bank(self, bank_id: BankId) -> Aspsp:
        """The bank with our id. Raises Unavailable, also for a bank that the vendor does not serve."""
        known = next((aspsp for aspsp in self._kept("NO") if aspsp.bank_id == bank_id), None)
        if known is not None:
            return known
        for aspsp in await self.banks("NO"):
            if aspsp.bank_id == bank_id:
                return aspsp
        raise Unavailable("open_banking", "the vendor does not reach this bank")

    async def final_statuses(self, bank_id: BankId) -> frozenset[str]:
        """`Aspsp.final_statuses` of the bank with our id; empty for an unknown bank. Raises Unavailable."""
        banks = self._kept("NO") or await self.banks("NO")
        return next((aspsp.final_statuses for aspsp in banks if aspsp.bank_id == bank_id), frozenset())

    def _kept(self, country: str) -> list[Aspsp]:
        """The list of the last day; empty where there is none."""
        read_at, known = self._banks.get(country, (-math.inf, []))
        return known if time.monotonic() - read_at <= _BANKS_KEPT_S else []

    def psu_headers(self, aspsp: Aspsp, psu: Psu) -> dict[str, str]:
        """The headers about a user who is present: all that the bank wants, or none (enable_banking.md, B.1)."""
        headers = psu.headers
        return headers if aspsp.psu_headers <= headers.keys() else {}

    def refused(self, refusal: VendorRefusal, bank: BankId | None = None) -> Unavailable:
        """The error to raise for a refusal that the user cannot mend. See `Guard.refused`."""
        error = error_of(refusal)
        is_ours = error in _OURS or (not error and refusal.status in _CREDENTIALS)
        return self._of(bank).refused(refusal.status, error, is_ours=is_ours, of_object=True)

    def _of(self, bank: BankId | None) -> VendorHttp:
        return self._http.at(bank) if bank is not None else self._http

    @property
    def _bearer(self) -> dict[str, str]:
        if self._token is None or time.monotonic() >= self._token[0]:
            now = int(self._clock.now().timestamp())
            lives_s = int(_TOKEN_LIVES.total_seconds())
            header = {"typ": "JWT", "alg": "RS256", "kid": self.application.id}
            claims = {"iss": "enablebanking.com", "aud": "api.enablebanking.com", "iat": now, "exp": now + lives_s}
            self._token = (time.monotonic() + lives_s - _RENEW_EARLY_S, jwt.encode(header, claims, self._key))
        return {"authorization": f"Bearer {self._token[1]}"}


def error_of(refusal: VendorRefusal) -> str:
    """The vendor's error code, such as EXPIRED_SESSION; empty if there is none."""
    return str(refusal.answer.get("error") or "")


def _is_trouble(status: int, answer: Mapping[str, Any]) -> bool:
    error = answer.get("error")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        # With an error of its own it is about this request alone, such as ASPSP_RATE_LIMIT_EXCEEDED.
        return not error
    return error in _TROUBLE or status == httpx.codes.REQUEST_TIMEOUT


def _aspsps(answer: Answer) -> list[Aspsp]:
    """The banks that can be read. The first of a BIC has the id that the BIC gives, the others one of their own."""
    found: dict[str, Aspsp] = {}
    for item in answer.document["aspsps"]:
        try:
            aspsp = _aspsp(item)
        except UNREADABLE:
            _log.warning("bank_unreadable", vendor="enable_banking")
            continue
        own = aspsp if aspsp.bank_id not in found else replace(aspsp, bank_id=_id_by_name(aspsp.name, aspsp.country))
        found.setdefault(own.bank_id, own)
    return list(found.values())


def _id_by_name(name: str, country: str) -> BankId:
    """Our id of a bank whose BIC is another bank's as well, or not known. No BIC has an underscore in it."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return BankId(f"bank_{country.lower()}_{re.sub(r'[^a-z0-9]+', '_', plain).strip('_')}")


def _aspsp(item: Mapping[str, Any]) -> Aspsp:
    domestic = [payment for payment in objects_in(item.get("payments")) if payment.get("payment_type") == "DOMESTIC"]
    allowed = [names for payment in domestic if (names := texts_in(payment.get("allowed_auth_methods")))]
    name, country, bic = str(item["name"]), str(item["country"]), text(item.get("bic")) or ""
    return Aspsp(
        by_bic(bic).id if bic else _id_by_name(name, country),
        name,
        country,
        bic,
        _longest_consent(item.get("maximum_consent_validity")),
        frozenset(name.lower() for name in texts_in(item.get("required_psu_headers"))),
        frozenset(status for payment in domestic for status in texts_in(payment.get("final_successful_statuses"))),
        method_named(item),
        method_named(item, allowed=allowed[0] if allowed else None),
    )


def _longest_consent(seconds: object) -> timedelta:
    """How long a consent may last; where that cannot be read, what every bank gives."""
    try:
        found = timedelta(seconds=float(text(seconds) or ""))
    except (ValueError, OverflowError):
        return _USUAL_CONSENT
    return found if found > timedelta() else _USUAL_CONSENT
