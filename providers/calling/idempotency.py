"""Commands under idempotency keys that a vendor forgets: what may be forgotten is looked for before it is sent again.

Source: docs/vendors/stripe.md, Idempotency.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from domain.errors import InDoubt, Unavailable

Result = TypeVar("Result")

# Vendors keep keys for at least 24 hours. A key is used for an hour less.
KEYS_LIVE: Final = timedelta(hours=23)
# A request that was sent with the last key may take so long to be carried out: tries, their pauses and a clock that is
# not quite ours. Until then the vendor may show nothing of it.
_UNDER_WAY: Final = timedelta(minutes=10)
# Each use may spend a key, and a job asks at most once an hour.
_MOST_KEYS: Final = 30


class SpentKey(Exception):
    """The vendor repeats an earlier request's failure, and would as long as it remembers the key."""


async def send_once(
    name: str,
    *,
    first_sent_at: datetime,
    now: datetime,
    send: Callable[[str], Awaitable[Result]],
    find: Callable[[], Awaitable[Result | None]],
) -> Result:
    """Send a command under a key made from `name`, or give what an earlier request has done by now.

    No request under this name is older than `first_sent_at`. `send` takes the key, and raises SpentKey; `find` looks at
    the vendor by our own id, and gives None where nothing is there. It is asked where the first key may be forgotten or
    is spent. The keys follow from name and age alone, so processes that send at once send the same key. Raises what
    `send` and `find` raise, and InDoubt where a key is spent and what its request has done is not known, or where a
    request with the key before may still be under way.
    """
    age, of_key = divmod(max(now - first_sent_at, timedelta()), KEYS_LIVE)
    if age and (known := await find()) is not None:
        return known
    if age and of_key < _UNDER_WAY:
        raise InDoubt(f"{name}: a request with the key before may be under way")
    try:
        return await send(_key(name, age, 0))
    except SpentKey:
        return await _with_next_key(name, age, send, find)


async def _with_next_key(
    name: str, age: int, send: Callable[[str], Awaitable[Result]], find: Callable[[], Awaitable[Result | None]]
) -> Result:
    try:
        # One look is enough: the requests that have spent the following keys are as old.
        if (known := await find()) is not None:
            return known
        for number in range(1, _MOST_KEYS):
            try:
                return await send(_key(name, age, number))
            except SpentKey:
                continue
    except Unavailable as error:
        raise InDoubt(f"{name}: what a request that failed at the vendor has done is not known") from error
    raise InDoubt(f"{name}: the vendor repeats earlier failures")


def _key(name: str, age: int, number: int) -> str:
    """The name itself at first; another key where that may be forgotten, and after each spent key."""
    return name if not (age or number) else f"{name}:{age}.{number}"
