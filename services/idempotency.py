"""Idempotency keys: the same key with the same input gives the same object, never a second."""

from datetime import datetime

from db.unit_of_work import Queries, Read, UnitOfWork
from domain.errors import IdempotencyKeyReused
from domain.ids import UserId
from domain.input import is_key


async def earlier(queries: Queries, user_id: UserId, operation: str, key: str, *fingerprints: str) -> str | None:
    """The object that this key gave before, None for a new key. Raises IdempotencyKeyReused for other input.

    `fingerprints` are those that the same input may be stored with.
    """
    used = await queries.idempotency.find(user_id, operation, key)
    if used is None:
        return None
    if used.fingerprint not in fingerprints:
        raise IdempotencyKeyReused
    return used.object_id


async def known(read: Read, user_id: UserId, operation: str, key: str, *fingerprints: str) -> str | None:
    """As `earlier`, in a transaction of its own, for use before the input is judged.

    What was taken once is not refused when it is sent again, whatever has changed since. Raises IdempotencyKeyReused.
    """
    if not is_key(key):
        return None  # the caller names this fault with the others
    async with read() as queries:
        return await earlier(queries, user_id, operation, key, *fingerprints)


async def keep(
    work: UnitOfWork, user_id: UserId, operation: str, key: str, fingerprint: str, object_id: str, at: datetime
) -> None:
    """Tie the key to the object in the transaction that makes it."""
    await work.idempotency.add(user_id, operation, key, fingerprint=fingerprint, object_id=object_id, at=at)
