"""A release is rolled out over a migrated database and rolled back again, and no request is lost on the way.

The next release is this one with one migration more, which adds a column. Requests come through a balancer that asks
each `serve` whether it is ready, and tries another one where a connection is refused, as those of `deploy/` do.
"""

import asyncio
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import fail_after

from db.migrate import newest_revision, oldest_codes
from tests.builders.customers import Customer
from tests.builders.fleet import Fleet, Process, fleet

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "db", "providers", "services", "resolvers", "schema", "routes", "gateway", "sandbox")
NEXT = f"{int(newest_revision()) + 1:04}"
MIGRATION = f'''"""A payment has a note."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{newest_revision()}"
branch_labels = None
depends_on = None
oldest_code = "{oldest_codes()[newest_revision()]}"


def upgrade() -> None:
    op.add_column("payment", sa.Column("note", sa.String(), nullable=True))
'''
VIEWER = "{ viewer { id } }"
WRITE = """mutation($locale: String!) { updateProfile(input: {locale: $locale}) { user { id } userErrors { code } } }"""
PROBE_EVERY_S = 0.1
DRAIN_S = 2


@dataclass
class Balancer:
    """Sends requests to what was ready at the last probe, and counts what came back."""

    running: Fleet
    http: httpx.AsyncClient
    ready: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    probed: asyncio.Event = field(default_factory=asyncio.Event)

    async def probe(self) -> None:
        while True:
            for one in self.running.serves:
                try:
                    answer = await self.http.get(f"{one.url}/api/health/ready")
                    is_ready = answer.status_code == httpx.codes.OK
                except httpx.HTTPError:
                    is_ready = False
                (self.ready.add if is_ready else self.ready.discard)(one.url)
            self.probed.set()
            self.probed.clear()
            await asyncio.sleep(PROBE_EVERY_S)

    async def send(self, query: str, **variables: object) -> None:
        try:
            answer = await self._first_that_connects(query, variables)
            body = answer.json()
            is_answered = answer.status_code == httpx.codes.OK and "errors" not in body
        except (httpx.HTTPError, json.JSONDecodeError, LookupError) as error:
            self.lost.append(repr(error))
            return
        if is_answered:
            self.answers[query] += 1
        else:
            self.lost.append(f"{answer.status_code} {answer.text[:200]}")

    async def _first_that_connects(self, query: str, variables: dict[str, Any]) -> httpx.Response:
        for url in sorted(self.ready, key=lambda _: random.random()):
            with suppress(httpx.ConnectError):
                body = {"query": query, "variables": variables}
                return await self.http.post(f"{url}/graphql", json=body, headers={"origin": url, "connection": "close"})
        raise LookupError("no process is ready")

    async def load(self) -> None:
        while True:
            await self.send(VIEWER)
            await self.send(WRITE, locale="en-GB")
            await self.probed.wait()


@asynccontextmanager
async def under_load(running: Fleet, http: httpx.AsyncClient) -> AsyncIterator[Balancer]:
    balancer = Balancer(running, http)
    tasks = [asyncio.create_task(balancer.probe())]
    await until_ready(balancer, *running.serves)
    tasks += [asyncio.create_task(balancer.load()) for _ in range(2)]
    try:
        yield balancer
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_ready(balancer: Balancer, *processes: Process) -> None:
    with fail_after(60):
        while not {one.url for one in processes} <= balancer.ready:
            await balancer.probed.wait()


async def roll(running: Fleet, balancer: Balancer, release: Path | None) -> None:
    """One process after the other, each ready before the next one stops."""
    for one in running.serves:
        await asyncio.to_thread(one.end, signal.SIGTERM)
        balancer.ready.discard(one.url)
        one.release = release
        one.start()
        await until_ready(balancer, one)


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    release = tmp_path / "next"
    for room in ROOMS:
        shutil.copytree(ROOT / room, release / room)
    (release / "db" / "migrations" / "versions" / f"{NEXT}_payment_note.py").write_text(MIGRATION)
    return release


@pytest.mark.timeout(400)  # every process starts three times
async def test_a_rollout_with_a_migration_and_its_rollback_lose_no_request(tmp_path: Path, next_release: Path) -> None:
    with fleet(tmp_path, "postgresql", serves=2, workers=1, DRAIN_S=str(DRAIN_S)) as running:
        async with httpx.AsyncClient(timeout=20) as http:
            customer = Customer(running, http, random.Random(1))
            await customer.sign_in()
            async with under_load(running, http) as balancer:
                migrated = await asyncio.to_thread(migrate, next_release, running)
                assert (migrated.returncode, f"version {NEXT}" in migrated.stdout) == (0, True), migrated.stderr

                await roll(running, balancer, next_release)
                await roll(running, balancer, None)

    assert balancer.lost == []
    assert min(balancer.answers[VIEWER], balancer.answers[WRITE]) >= 10


def migrate(release: Path, running: Fleet) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "migrate"]
    environment = running.serves[0].environment
    return subprocess.run(command, cwd=release, env=environment, capture_output=True, text=True, check=False)
