"""The sandbox that plays vendors, in this process or in one of its own. It calls back over HTTP as vendors do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.clock import Clock
from gateway.assembly.clocks import OffsetClock, SystemClock
from gateway.mock.scenario import chosen
from gateway.settings.settings import Settings
from providers.email.mock import MockEmailSettings
from providers.email.mock_key import private_key_of
from providers.kyc.sumsub import SumsubSettings
from providers.open_banking.bank_settings import OpenBankingSettings
from providers.sms.twilio import TwilioSettings
from providers.storage.mock import MockStorageSettings
from providers.stripe_api import StripeSettings
from routes.requests import read_bounded
from sandbox.api import GENERATION_HEADER, NOW_HEADER, SCENARIO_HEADER
from sandbox.app import pages_app, vendors_app
from sandbox.store import Store
from sandbox.world import SandboxSettings, World

_IN_PROCESS: Final = "http://sandbox"
_VENDORS: Final = "/vendors"
_PAGES: Final = "/sandbox"
_MAX_BYTES: Final = 16 * 1024 * 1024
_TIMEOUT_S: Final = 30
# Not passed on: headers of one connection (RFC 9110, 7.6.1), and of the body, which is sent anew.
_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"})


@dataclass(frozen=True, slots=True)
class SandboxLink:
    """The sandbox as this process reaches it: `client` is for the mock adapters, `pages` for browsers."""

    client: httpx.AsyncClient
    pages: ASGIApp


async def open_sandbox(
    app: Starlette, settings: Settings, clock: OffsetClock, stack: AsyncExitStack, on_scheduled: Callable[[], None]
) -> SandboxLink:
    """Open the sandbox until the stack closes. A sandbox in this process calls `on_scheduled` when it plans work."""

    async def tell_time(request: httpx.Request) -> None:
        request.headers[NOW_HEADER] = clock.now().isoformat()
        request.headers[GENERATION_HEADER] = str(clock.offset.generation)
        scenario = chosen.get()
        if scenario is not None:
            request.headers[SCENARIO_HEADER] = scenario

    if settings.sandbox_url is not None:
        base = settings.sandbox_url.rstrip("/")
        client = httpx.AsyncClient(
            base_url=f"{base}{_VENDORS}", event_hooks={"request": [tell_time]}, timeout=_TIMEOUT_S
        )
        pages = httpx.AsyncClient(base_url=base, timeout=_TIMEOUT_S)
        await stack.enter_async_context(client)
        await stack.enter_async_context(pages)
        return SandboxLink(client, _Forwarded(pages))
    # The vendors call back over HTTP through the same routes as the real ones.
    vendors_call = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.public_url)
    world = await _open_world(settings, vendors_call, clock, stack, on_scheduled)
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(vendors_app(world)),
        base_url=_IN_PROCESS,
        event_hooks={"request": [tell_time]},
    )
    await stack.enter_async_context(client)
    return SandboxLink(client, pages_app(world))


def sandbox_alone(settings: Settings) -> Starlette:
    """The sandbox as an application of its own, for a gateway of several processes, which alone may call it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            call = httpx.AsyncClient(base_url=settings.public_url, timeout=_TIMEOUT_S)
            world = await _open_world(settings, call, SystemClock(), stack, lambda: None)
            app.router.routes[:] = [Mount(_VENDORS, vendors_app(world)), Mount(_PAGES, pages_app(world))]
            yield

    return Starlette(lifespan=lifespan)


async def _open_world(
    settings: Settings,
    calls: httpx.AsyncClient,
    clock: Clock,
    stack: AsyncExitStack,
    on_scheduled: Callable[[], None],
) -> World:
    await stack.enter_async_context(calls)
    store = Store(settings.sandbox_path)
    await store.open()
    stack.push_async_callback(store.close)
    sandbox_settings = SandboxSettings(
        openbanking_webhook_secret=settings.of(OpenBankingSettings).openbanking_webhook_secret.get_secret_value(),
        sumsub_secret_key=settings.of(SumsubSettings).sumsub_secret_key.get_secret_value(),
        stripe_webhook_secret=settings.of(StripeSettings).stripe_webhook_secret.get_secret_value(),
        twilio_auth_token=settings.of(TwilioSettings).twilio_auth_token.get_secret_value(),
        storage_signing_key=settings.of(MockStorageSettings).mock_storage_key.get_secret_value(),
        mail_signing_key=private_key_of(settings.of(MockEmailSettings).mock_mail_key.get_secret_value()),
        operator_token=settings.operator_token.get_secret_value() if settings.operator_token is not None else None,
        seed=settings.sandbox_seed,
        kyc_by_itself=settings.sandbox_kyc_by_itself,
    )
    return World(store, calls, sandbox_settings, now=clock.now(), on_scheduled=on_scheduled)


class _Forwarded:
    """The sandbox's pages at the gateway's own address, so that their links and cookies hold."""

    def __init__(self, pages: httpx.AsyncClient) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await read_bounded(request, at_most_bytes=_MAX_BYTES)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        answer = await self._pages.request(
            request.method,
            httpx.URL(path=request.url.path, query=request.url.query.encode()),
            content=body,
            headers=headers,
        )
        response = Response(answer.content, answer.status_code)
        for name, value in answer.headers.multi_items():
            if name not in _HOP:
                response.headers.append(name, value)
        await response(scope, receive, send)
