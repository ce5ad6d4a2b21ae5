"""Stripe's official SDK over our own HTTP client and guard.

The SDK's own retries stay off: the guard's know whether anything was sent, so that a charge without an answer is in
doubt even when the next try finds nobody. Source: vendor reference 1.1 (version), 1.4 (errors), 1.9 (the SDK).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
import stripe

from domain.errors import InvalidState, Unavailable
from providers.calling.guard import Guard, VendorTrouble
from providers.calling.vendor_http import UNREADABLE, VendorRefusal, body_of, raise_for_trouble
from providers.stripe_api import API_VERSION

Result = TypeVar("Result")

stripe.enable_telemetry = False
# It writes whole answers, client secrets included, at DEBUG.
logging.getLogger("stripe").setLevel(logging.WARNING)


class _Http(stripe.HTTPClient):
    """Bounded answers; trouble is told before the SDK sees it, and what fails on the line stays httpx's error."""

    name = "httpx"

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__()
        self._http = http

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        async with self._http.stream(method.upper(), url, headers=headers, content=post_data) as response:
            raise_for_trouble(response)
            if response.status_code == httpx.codes.CONFLICT:
                # Another request with our key is under way (1.4): what it does is not known yet.
                raise VendorTrouble("409")
            return await body_of(response), response.status_code, response.headers


class Stripe:
    """One port's calls of `api`. `read` turns an answer into our words, within the guard."""

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
        """For everything that may be given up without doubt. Raises Unavailable, VendorRefusal."""
        return await self._guard.call(operation, lambda: _answer(send, read))

    async def command(
        self,
        operation: str,
        send: Callable[[], Awaitable[Any]],
        read: Callable[[dict[str, Any]], Result],
        *,
        declined: Callable[[dict[str, Any]], Result] | None = None,
    ) -> Result:
        """What must not happen twice. Raises Unavailable, InDoubt, VendorRefusal.

        `declined` reads the `error` object of a declined card, where that is an answer (1.4).
        """
        return await self._guard.command(operation, lambda: _answer(send, read, declined))

    def refused(self, refusal: VendorRefusal) -> Unavailable:
        """As `Guard.refused`."""
        return self._guard.refused(refusal.status, refusal.answer.get("code"))

    def not_taken(self, refusal: VendorRefusal, message: str) -> InvalidState | Unavailable:
        """Of a request that Stripe turns down: `message` where its content is why, else a fault of ours."""
        if refusal.status in _ABOUT_CONTENT and refusal.answer.get("type") != "idempotency_error":
            return InvalidState(message)
        return self.refused(refusal)


_ABOUT_CONTENT: Final = frozenset({400, 402, 404})


async def _answer(
    send: Callable[[], Awaitable[Any]],
    read: Callable[[dict[str, Any]], Result],
    declined: Callable[[dict[str, Any]], Result] | None = None,
) -> Result:
    """Raises VendorRefusal with Stripe's `error` object, VendorTrouble for what cannot be read."""
    try:
        return read((await send()).to_dict())
    except stripe.StripeError as error:
        refusal = _refusal(error)
    except UNREADABLE as error:
        raise VendorTrouble("unreadable") from error
    if declined is None or refusal.status != httpx.codes.PAYMENT_REQUIRED:
        # Without the SDK's error: that holds the whole answer, client secrets included.
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
    return VendorRefusal(status, found if isinstance(found, dict) else {})
