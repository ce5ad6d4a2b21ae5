"""What must be closed: databases, gateways, clients. Builders are in `tests/builders`."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.engine import open_database
from db.migrate import migrate
from tests.builders.gateway import Play, playing

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and no row, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite3"
    database = open_database(f"sqlite:///{path}")
    await migrate(database)
    await database.close()
    return path


@pytest.fixture
def database_url(migrated: Path, tmp_path: Path) -> str:
    """An empty database of this test's own."""
    path = tmp_path / "drop.sqlite3"
    shutil.copy(migrated, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    """A gateway in mock mode whose clock stands still until the test moves it."""
    async with playing(database_url, tmp_path, NOON) as play:
        yield play
