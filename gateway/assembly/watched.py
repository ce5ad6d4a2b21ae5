"""What operations look at and move: vendor migrations, what is asked for health, and the sandbox's reset."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import httpx

from gateway.assembly.infrastructure import Infrastructure
from gateway.mock.clock_driver import start_over
from providers.fanout.redis import RedisFanout
from services.operations.health import Probe
from services.operations.vendor_migration import Direction


def directions(base: Infrastructure) -> Mapping[str, Direction]:
    """Where the customers of each port that is being migrated go, by port."""
    settings, found = base.settings, {}
    for port, budget in base.adapters.budgets.items():
        target = settings.next_of(port)
        assert target is not None
        found[port] = Direction(settings.vendor_of(port), target, settings.next_provider_share, budget)
    return found


def probes(base: Infrastructure) -> Mapping[str, Probe]:
    """What this process asks for, beside what it cannot do without."""
    found: dict[str, Probe] = {}
    if base.sandbox is not None:
        found["sandbox"] = partial(_is_sandbox_up, base.sandbox)
    if isinstance(base.fanout, RedisFanout):
        found["redis"] = base.fanout.is_heard
    return found


async def _is_sandbox_up(sandbox: httpx.AsyncClient) -> bool:
    try:
        return (await sandbox.get("/clock")).is_success
    except httpx.HTTPError:
        return False


def sandbox_reset(base: Infrastructure) -> Callable[[], Awaitable[object]] | None:
    """The sandbox's reset, None if a vendor is real: the reset would delete rows of objects that this vendor keeps."""
    if base.sandbox is None or not base.settings.is_all_mock:
        return None
    return partial(start_over, base.clock, base.database, base.sandbox)
