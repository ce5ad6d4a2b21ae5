"""Disconnecting many clients slowly, so that they do not all connect again at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


async def spread(items: Sequence[Item], over_s: float) -> AsyncIterator[Item]:
    """The items one by one, spread evenly over `over_s` seconds. Late items follow at once, to end in time."""
    begun = time.monotonic()
    for number, item in enumerate(items, start=1):
        ahead_s = begun + over_s * number / len(items) - time.monotonic()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        yield item
