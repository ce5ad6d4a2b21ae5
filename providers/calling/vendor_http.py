"""JSON over HTTP with a vendor outside: bounded answers, and its trouble told from its no.

What cannot be read counts as trouble: of a command nobody then knows what it did.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NotRequired, Self, TypedDict, TypeVar, Unpack

import httpx
import orjson

from domain.errors import Unavailable
from providers.calling.guard import Guard, VendorTrouble

Result = TypeVar("Result")
# No answer that we ask for comes near it.
_ANSWER_BYTES: Final = 4 * 1024 * 1024
# What reading an answer of another shape than the vendor's documented one raises.
UNREADABLE: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError)


class VendorRefusal(Exception):
    """A vendor's no: a status of 300 to 499, with its body where that is a JSON object."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.status = status
        self.answer = answer
        super().__init__(str(status))


class Content(TypedDict):
    """What a call carries; one of `json`, `data` (a form) and `content` at most."""

    params: NotRequired[Mapping[str, str]]
    headers: NotRequired[Mapping[str, str]]
    json: NotRequired[object]
    data: NotRequired[Mapping[str, str]]
    content: NotRequired[bytes]


class Answer:
    """A success. `document` is its JSON, an empty object where there is no body."""

    __slots__ = ("document", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], document: Any) -> None:
        self.status = status
        self.headers = headers
        self.document = document


class VendorHttp:
    """One vendor at `base_url`. `read` turns an answer into our words, within the guard.

    `is_trouble` tells by the body of a 4xx whether it is trouble, where the vendor's statuses do not: a 429 may be a no
    to this one request, and a 400 a bank that is away.
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
        """With a token that does not change (RFC 6750)."""
        return cls(http, guard, base_url=base_url, headers={"authorization": f"Bearer {token}"})

    async def call(
        self, operation: str, method: str, path: str, read: Callable[[Answer], Result], **content: Unpack[Content]
    ) -> Result:
        """For everything that may be given up without doubt. Raises Unavailable, VendorRefusal."""
        return await self._guard.call(operation, lambda: self._send(method, path, read, content))

    async def command(
        self, operation: str, method: str, path: str, read: Callable[[Answer], Result], **content: Unpack[Content]
    ) -> Result:
        """What must not happen twice. Raises Unavailable, InDoubt, VendorRefusal."""
        return await self._guard.command(operation, lambda: self._send(method, path, read, content))

    def refused(self, status: int, reason: object = "") -> Unavailable:
        """As `Guard.refused`."""
        return self._guard.refused(status, reason)

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
            document = _document(await body_of(response))
            said = document if isinstance(document, dict) else {}
            if not self._is_trouble(response.status_code, said):
                raise VendorRefusal(response.status_code, said)
            raise_for_trouble(response)
            raise VendorTrouble(str(response.status_code))
        raise_for_trouble(response)
        document = _document(await body_of(response))
        if response.is_success and document is None:
            raise VendorTrouble("not JSON")
        if not response.is_success:
            raise VendorRefusal(response.status_code, document if isinstance(document, dict) else {})
        return Answer(response.status_code, response.headers, document)


def _document(body: bytes) -> Any:
    """Its JSON, an empty object where there is no body, None where it cannot be read."""
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return None


def raise_for_trouble(response: httpx.Response) -> None:
    """Raises VendorTrouble where the vendor is too busy, or itself in trouble."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise VendorTrouble("429", retry_after_s=_retry_after(response.headers), did_nothing=True)
    if response.status_code == httpx.codes.REQUEST_TIMEOUT or response.is_server_error:
        raise VendorTrouble(str(response.status_code), retry_after_s=_retry_after(response.headers))


async def body_of(response: httpx.Response) -> bytes:
    """Of a streamed answer. Raises VendorTrouble where it is larger than any that we ask for."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _ANSWER_BYTES:
            raise VendorTrouble("too large")
    return bytes(body)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; dates are not sent by the vendors that we know."""
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
