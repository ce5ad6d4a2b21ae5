"""JSON over HTTP with a vendor: answers of bounded size, sorted into successes, refusals and trouble.

An answer that cannot be read counts as trouble: it does not say whether a command was carried out.
"""

import json
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Final, NotRequired, Self, TypedDict, TypeVar, Unpack

import httpx
import orjson

from domain.errors import Unavailable
from providers.calling.guard import Guard, VendorTrouble

Result = TypeVar("Result")
# The longest answer that is read. The answers that Drop asks for are far shorter.
_ANSWER_BYTES: Final = 4 * 1024 * 1024
# What the reading functions raise for an answer that does not have the shape of the vendor's documentation.
UNREADABLE: Final = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


class VendorRefusal(Exception):
    """The vendor turns a request down: a status of 300 to 499. `answer` is the JSON object of the body, or empty.

    `is_replayed` is set where the vendor repeats how it answered an earlier request with the same idempotency key.
    """

    def __init__(self, status: int, answer: Mapping[str, Any], *, is_replayed: bool = False) -> None:
        self.status = status
        self.answer = answer
        self.is_replayed = is_replayed
        super().__init__(str(status))


class Content(TypedDict):
    """What a request carries. At most one of `json`, `data` (a form) and `content` (raw bytes) may be given."""

    params: NotRequired[Mapping[str, str]]
    headers: NotRequired[Mapping[str, str]]
    json: NotRequired[object]
    data: NotRequired[Mapping[str, str]]
    content: NotRequired[bytes]


class Answer:
    """An answer with a status of 200 to 299. `document` is the body's JSON, `{}` without a body; of a JWT its text."""

    __slots__ = ("document", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], document: Any) -> None:
        self.status = status
        self.headers = headers
        self.document = document


class VendorHttp:
    """Calls one vendor at `base_url` through its guard. Paths are appended to `base_url`.

    The function `read` of a call turns the answer into domain values. It runs within the guard, so an answer that it
    cannot read counts as trouble. `is_trouble` looks at status and body of a 4xx, for vendors whose statuses do not say
    enough: a 429 may turn down this one request, and a 400 may mean that a bank is away.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        guard: Guard,
        *,
        base_url: str,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        is_trouble: Callable[[int, Mapping[str, Any]], bool] | None = None,
    ) -> None:
        self._http = http
        self._guard = guard
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._headers = headers or {}
        self._is_trouble = is_trouble

    @classmethod
    def bearing(cls, http: httpx.AsyncClient, guard: Guard, *, base_url: str, token: str) -> Self:
        """A client that sends the same bearer token with every request (RFC 6750)."""
        return cls(http, guard, base_url=base_url, headers={"authorization": f"Bearer {token}"})

    def at(self, bank: str) -> Self:
        """The same client under the guard of one bank behind the vendor. See `Guard.at`."""
        found = copy(self)
        found._guard = self._guard.at(bank)
        return found

    async def call(
        self, operation: str, method: str, path: str, read: Callable[[Answer], Result], **content: Unpack[Content]
    ) -> Result:
        """Send a request that is harmless if it was carried out unseen. Raises Unavailable, VendorRefusal."""
        return await self._guard.call(operation, lambda: self._send(method, path, read, content))

    async def command(
        self, operation: str, method: str, path: str, read: Callable[[Answer], Result], **content: Unpack[Content]
    ) -> Result:
        """Send a request that must not be carried out twice. Raises VendorRefusal, Unavailable and InDoubt.

        Unavailable says that the vendor did nothing, InDoubt that the vendor may have done what was asked.
        """
        return await self._guard.command(operation, lambda: self._send(method, path, read, content))

    def refused(
        self, status: int, reason: object = "", *, is_ours: bool | None = None, of_object: bool = False
    ) -> Unavailable:
        """The error to raise for a refusal that the user cannot mend. See `Guard.refused`."""
        return self._guard.refused(status, reason, is_ours=is_ours, of_object=of_object)

    async def _send(self, method: str, path: str, read: Callable[[Answer], Result], content: Content) -> Result:
        headers = {**self._headers, **content.get("headers", {})}
        async with self._http.stream(
            method,
            f"{self._base_url}{path}",
            params=content.get("params"),
            headers=headers,
            json=content.get("json"),
            data=content.get("data"),
            content=content.get("content"),
            auth=self._auth if self._auth is not None else httpx.USE_CLIENT_DEFAULT,
        ) as response:
            answer = await self._answer(response)
        try:
            return read(answer)
        except UNREADABLE as error:
            raise VendorTrouble("unreadable") from error

    async def _answer(self, response: httpx.Response) -> Answer:
        if response.is_client_error and self._is_trouble is not None:
            document = document_of(await body_of(response))
            said = document if isinstance(document, dict) else {}
            if not self._is_trouble(response.status_code, said):
                raise VendorRefusal(response.status_code, said)
            raise_for_trouble(response)
            raise VendorTrouble(str(response.status_code))
        raise_for_trouble(response)
        body = await body_of(response)
        is_jwt = response.headers.get("content-type", "").partition(";")[0].strip() == "application/jwt"
        document = body.decode(errors="replace") if is_jwt else document_of(body)
        if response.is_success and document is None:
            raise VendorTrouble("not JSON")
        if not response.is_success:
            raise VendorRefusal(response.status_code, document if isinstance(document, dict) else {})
        return Answer(response.status_code, response.headers, document)


def document_of(body: bytes) -> Any:
    """The body's JSON, an empty object if the body is empty, None if the body is not JSON.

    What the strict reader refuses is read leniently: a byte order mark, control characters and half a surrogate pair in
    texts, letters that are not UTF-8.
    """
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        try:
            return json.loads(body.decode("utf-8-sig", "replace"), strict=False)
        except (ValueError, RecursionError):
            return None


def raise_for_trouble(response: httpx.Response) -> None:
    """Raises VendorTrouble if the status says that the vendor is overloaded (429), failed (408, 5xx), or sends us on.

    A redirect answers no call of ours, and may mean that a command was carried out.
    """
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise VendorTrouble("429", retry_after_s=_retry_after(response.headers), did_nothing=True)
    has_failed = response.is_redirect or response.is_server_error
    if response.status_code == httpx.codes.REQUEST_TIMEOUT or has_failed:
        raise VendorTrouble(str(response.status_code), retry_after_s=_retry_after(response.headers))


async def body_of(response: httpx.Response) -> bytes:
    """The body of a streamed answer. Raises VendorTrouble for a body of more than 4 MiB."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _ANSWER_BYTES:
            raise VendorTrouble("too large")
    return bytes(body)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, None if it is absent. The form with a date is ignored: no known vendor sends it."""
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
