"""A gateway whose eID is a real OpenID provider, and a browser that signs in there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.assembly.clocks import SystemClock
from tests.builders.gateway import BASE, Play, Player, playing
from tests.builders.openid import SECRET, Op, returned

CALLBACK = f"{BASE}/auth/bankid/callback"


@asynccontextmanager
async def playing_at_bankid(database_url: str, folder: Path, op: Op) -> AsyncIterator[Play]:
    """The gateway, by the machine's own time: the provider signs by it."""
    async with playing(
        database_url,
        folder,
        SystemClock().now(),
        bankid_mock=False,
        bankid_api_url=op.issuer,
        bankid_client_id="drop",
        bankid_client_secret=SECRET,
    ) as play:
        yield play


async def by_bankid(
    player: Player, path: str = "/auth/bankid/login?return_to=/api/health/live", who: str = "kari"
) -> str:
    """Sign in as a browser does; gives where the callback leads."""
    start = await player.http.get(path)
    back = await returned(start.headers["location"], CALLBACK, login_hint=who)
    location: str = (await player.http.get(CALLBACK, params=back)).headers["location"]
    return location
