"""Letting go of many clients without their all coming back at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


async def spread(items: Sequence[Item], over_s: float) -> AsyncIterator[Item]:
    """One after the other, evenly over that time and in no more: whatever is late comes at once."""
    begun = time.monotonic()
    for number, item in enumerate(items, start=1):
        ahead_s = begun + over_s * number / len(items) - time.monotonic()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        yield item
