"""Stripe's official SDK over our own HTTP client and guard.

The SDK's own retries stay off, because only the guard remembers whether a request was sent: a charge that got no answer
must stay in doubt even if the next try cannot connect.
Source: docs/vendors/stripe.md, API version, Errors, Python client.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import httpx
import stripe

from domain.errors import InvalidState, Unavailable
from providers.calling.guard import Guard, VendorTrouble
from providers.calling.idempotency import SpentKey
from providers.calling.vendor_http import UNREADABLE, VendorRefusal, body_of, raise_for_trouble
from providers.stripe_api import API_VERSION
from providers.stripe_pages import after_of

Result = TypeVar("Result")

# The most objects that Stripe puts on a page.
_PAGE: Final = 100
stripe.enable_telemetry = False
# At DEBUG the SDK logs whole answers, which hold client secrets.
logging.getLogger("stripe").setLevel(logging.WARNING)


class _Http(stripe.HTTPClient):
    """The SDK's HTTP client. It bounds answers and raises VendorTrouble and httpx's errors for the guard to count."""

    name = "httpx"

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        async with self._http.stream(method.upper(), url, headers=headers, content=post_data) as response:
            if response.is_server_error and _is_replayed(response.headers):
                raise SpentKey
            raise_for_trouble(response)
            if response.status_code == httpx.codes.CONFLICT:
                # Another request with the same key is under way (stripe.md, Errors): its outcome is not known yet.
                raise VendorTrouble("409")
            return await body_of(response), response.status_code, response.headers


class Stripe:
    """Sends the calls of one port to Stripe. `api` is the SDK's client for them.

    The function `read` turns an answer into domain values. It runs within the guard, so an answer that it cannot read
    counts as trouble.
    """

    def __init__(self, http: httpx.AsyncClient, guard: Guard, *, api_key: str, base_url: str) -> None:
        self._guard = guard
        self.api = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": base_url.rstrip("/")},
            max_network_retries=0,
            http_client=_Http(http),
        ).v1

    async def call(
        self, operation: str, send: Callable[[], Awaitable[Any]], read: Callable[[dict[str, Any]], Result]
    ) -> Result:
        """Send a request that is harmless if it was carried out unseen. Raises Unavailable, VendorRefusal, SpentKey."""
        return await self._guard.call(operation, lambda: _answer(send, read))

    async def command(
        self,
        operation: str,
        send: Callable[[], Awaitable[Any]],
        read: Callable[[dict[str, Any]], Result],
        *,
        declined: Callable[[dict[str, Any]], Result] | None = None,
    ) -> Result:
        """Send a request that must not be carried out twice. Raises Unavailable, InDoubt, VendorRefusal, SpentKey.

        `declined` reads the `error` object of a declined card (stripe.md, Errors): a declined card is then an answer.
        """
        return await self._guard.command(operation, lambda: _answer(send, read, declined))

    async def every(
        self,
        operation: str,
        ask: Callable[[Any], Awaitable[Any]],
        params: Mapping[str, object],
        read: Callable[[dict[str, Any]], Result | None],
    ) -> list[Result]:
        """What `read` gives for each object of a list on all its pages, without those for which it gives None.

        `ask` is the SDK's function for the list. Raises Unavailable, VendorRefusal.
        """
        found = list[Result]()
        paging: Mapping[str, object] = {"limit": _PAGE}
        while True:
            asked = {**params, **paging}
            results, last = await self.call(
                operation, partial(ask, asked), lambda answer: _page(operation, answer, read)
            )
            found += [result for result in results if result is not None]
            if last is None:
                return found
            paging = {"limit": _PAGE, "starting_after": last}

    def refused(self, refusal: VendorRefusal) -> Unavailable:
        """The error to raise for a refusal that the user cannot mend. See `Guard.refused`."""
        return self._guard.refused(refusal.status, refusal.answer.get("code"), of_object=True)

    def not_taken(self, refusal: VendorRefusal, message: str, *, text: str | None = None) -> InvalidState | Unavailable:
        """The error to raise for a refused request: InvalidState with `message` if the content is the reason.

        Otherwise our credentials or our request are at fault, and it is Unavailable.
        """
        if refusal.status in _ABOUT_CONTENT and refusal.answer.get("type") != "idempotency_error":
            return InvalidState(message, text=text)
        return self.refused(refusal)


def _page(
    operation: str, answer: Mapping[str, Any], read: Callable[[dict[str, Any]], Result]
) -> tuple[list[Result], str | None]:
    """What a page holds, and behind which id the next one begins, None on the last page."""
    return [read(item) for item in answer["data"]], after_of(answer, of=operation)


def _is_replayed(headers: Mapping[str, str]) -> bool:
    return headers.get("idempotent-replayed") == "true"


_ABOUT_CONTENT: Final = frozenset({400, 402, 404})


async def _answer(
    send: Callable[[], Awaitable[Any]],
    read: Callable[[dict[str, Any]], Result],
    declined: Callable[[dict[str, Any]], Result] | None = None,
) -> Result:
    """Raises VendorRefusal with Stripe's `error` object, VendorTrouble for an answer that cannot be read."""
    try:
        return read((await send()).to_dict())
    except stripe.StripeError as error:
        refusal = _refusal(error)
    except UNREADABLE as error:
        raise VendorTrouble("unreadable") from error
    if declined is None or refusal.status != httpx.codes.PAYMENT_REQUIRED:
        # Not raised from the SDK's error, which holds the whole answer with its client secrets.
        raise refusal
    try:
        return declined(dict(refusal.answer))
    except UNREADABLE as error:
        raise VendorTrouble("unreadable") from error


def _refusal(error: stripe.StripeError) -> VendorRefusal:
    status = error.http_status or 0
    if not 300 <= status < 500:
        raise VendorTrouble("unreadable") from error
    found = error.json_body.get("error") if isinstance(error.json_body, dict) else None
    return VendorRefusal(
        status, found if isinstance(found, dict) else {}, is_replayed=_is_replayed(error.headers or {})
    )
