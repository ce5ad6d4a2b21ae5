"""The sandbox's file: a change that failed leaves it ready for the next one."""

import sqlite3
from pathlib import Path

import pytest

from sandbox.store import Store


async def test_a_full_disk_is_told_as_such_and_the_next_change_is_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "sandbox.db")
    await store.open()
    try:
        await store._db.execute("PRAGMA max_page_count = 60")

        with pytest.raises(sqlite3.OperationalError, match="full"):
            async with store.transaction():
                await store.put_object("large", "text/plain", bytes(1_000_000))
        async with store.transaction():
            await store.put("payment", "small", {"amount": 1})

        assert await store.stored_object("large") is None
        assert await store.get("payment", "small") == {"amount": 1}
    finally:
        await store.close()
