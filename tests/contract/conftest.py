"""Each port's adapters, by name. A suite runs against all of them."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from tests.builders.line import Line
from tests.builders.sandbox import Sandbox, sandbox_alone

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def retries_without_pauses() -> Iterator[None]:
    """As many retries as declared."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with sandbox_alone(tmp_path, NOON) as sandbox:
        yield sandbox


@pytest.fixture
def line(sandbox: Sandbox) -> Line:
    return sandbox.line
