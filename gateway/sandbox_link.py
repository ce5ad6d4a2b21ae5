"""The sandbox in this process: it plays vendors, and calls back over HTTP as they do."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette

from domain.clock import Clock
from gateway.mail_key import private_key_of
from gateway.scenario import chosen
from gateway.settings import Settings
from sandbox.api import NOW_HEADER, SCENARIO_HEADER
from sandbox.app import pages_app, vendors_app
from sandbox.store import Store
from sandbox.world import SandboxSettings, World

_SANDBOX = "http://sandbox"


@dataclass(frozen=True, slots=True)
class SandboxLink:
    """`client` is for the mock adapters, `pages` for browsers."""

    client: httpx.AsyncClient
    pages: Starlette
    world: World


async def open_sandbox(app: Starlette, settings: Settings, clock: Clock, stack: AsyncExitStack) -> SandboxLink:
    """Closed with the stack."""
    # The vendors call back over HTTP through the same routes as the real ones.
    vendors_call = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=settings.public_url)
    await stack.enter_async_context(vendors_call)
    store = Store(settings.sandbox_path)
    await store.open()
    stack.push_async_callback(store.close)
    sandbox_settings = SandboxSettings(
        openbanking_webhook_secret=settings.openbanking_webhook_secret.get_secret_value(),
        sumsub_secret_key=settings.sumsub_secret_key.get_secret_value(),
        stripe_webhook_secret=settings.stripe_webhook_secret.get_secret_value(),
        twilio_auth_token=settings.twilio_auth_token.get_secret_value(),
        storage_signing_key=settings.mock_storage_key.get_secret_value(),
        mail_signing_key=private_key_of(settings.mock_mail_key.get_secret_value()),
        operator_token=settings.operator_token.get_secret_value() if settings.operator_token else None,
        seed=settings.sandbox_seed,
    )
    world = World(store, vendors_call, sandbox_settings, now=clock.now())

    async def tell_time(request: httpx.Request) -> None:
        request.headers[NOW_HEADER] = clock.now().isoformat()
        scenario = chosen.get()
        if scenario is not None:
            request.headers[SCENARIO_HEADER] = scenario

    sandbox = httpx.AsyncClient(
        transport=httpx.ASGITransport(vendors_app(world)),
        base_url=_SANDBOX,
        event_hooks={"request": [tell_time]},
    )
    await stack.enter_async_context(sandbox)
    return SandboxLink(sandbox, pages_app(world), world)
