"""What must be closed: databases, gateways, clients. Builders are in `tests/builders`."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.engine import open_database
from db.migrate import migrate
from domain.alert import Severity
from gateway.observability.log import configure_logging
from services.incidents import Incidents
from tests.builders.answers import forget_answers
from tests.builders.databases import postgresql_database
from tests.builders.gateway import Play, playing
from tests.builders.tls import certificates_of_all

# No test calls the internet, and each client would read the file of its 140 authorities, which takes 30 ms.
os.environ["SSL_CERT_FILE"] = str(certificates_of_all().authority)
# As served: no frame's variables in the output.
configure_logging("WARNING", is_terminal=False)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="What the gateway runs on.")
    parser.addoption("--statements", action="store_true", help="Only what asks the database, each with one case.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For `--statements`: the cases of a test differ in what is asked of the rules, not in the statements."""
    # Two processes share out the tests by their names.
    by_address = [item.nodeid for item in items if " at 0x" in item.nodeid]
    assert not by_address, f"give these cases ids: an address is another one in each process: {by_address}"
    if config.getoption("--statements"):
        asking = [item for item in items if "database_url" in getattr(item, "fixturenames", ())]
        first = {item.nodeid.partition("[")[0]: item for item in reversed(asking)}
        config.hook.pytest_deselected(items=[item for item in items if item not in first.values()])
        items[:] = [item for item in asking if item in first.values()]


@pytest.fixture(autouse=True)
def _answers_of_one_test() -> None:
    forget_answers()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and no row, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite3"
    database = open_database(f"sqlite:///{path}")
    await migrate(database)
    await database.close()
    return path


@pytest.fixture(scope="session")
async def migrated_postgresql() -> AsyncIterator[str]:
    """The name of a database with every table and no row."""
    async with postgresql_database() as url:
        database = open_database(url)
        await migrate(database)
        await database.close()
        yield url.rsplit("/", 1)[1]


@pytest.fixture
async def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    path = tmp_path / "drop.sqlite3"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def postgresql_url(migrated_postgresql: str) -> AsyncIterator[str]:
    async with postgresql_database(migrated_postgresql) as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of this test's own, of the kind that the run was asked for."""
    url: str = request.getfixturevalue(f"{request.config.getoption('--database')}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of this test's own, one of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def play(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Play]:
    """A gateway in mock mode whose clock stands still until the test moves it."""
    async with playing(database_url, tmp_path, NOON) as play:
        # What a test has replaced must be met at every door.
        play.takes_ready = "monkeypatch" not in request.fixturenames
        yield play


@pytest.fixture
def alerts() -> Iterator[list[str]]:
    """The titles of the alerts that are sent, none of them held back."""
    heard: list[str] = []

    def alert(self: Incidents, severity: Severity, title: str, message: str) -> None:
        heard.append(title)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Incidents, "alert", alert)
        yield heard
