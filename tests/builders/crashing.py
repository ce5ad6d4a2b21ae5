"""A gateway in mock mode that calls go wrong for and that dies at any moment, for state machines to play with."""

import asyncio
import atexit
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import stamina
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import text

from db.engine import open_database
from db.migrate import migrate
from domain.payment import _NEXT, Status
from tests.builders.breaker_time import BreakerTime
from tests.builders.databases import SERVER, postgresql_database, run
from tests.builders.fields import FIELDS
from tests.builders.gateway import Play, Player, nodes, playing
from tests.builders.line import Line
from tests.builders.ready import keep, put_back

NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
# More than a story has, and no dearer than an operation may be.
PAYMENTS: Final = """{ viewer { payments(first: 30) { edges { node {
  id status inDoubt version refundedAmount { amountMinor } disputes { status amount { amountMinor } }
  refunds(first: 20) { edges { node { id status amount { amountMinor } } } }
  history(first: 60) { edges { node { status version cause } } } } } } } }"""
HARMS: Final = ("none", "the answer is lost", "nobody listens", "dies before", "dies after")
AWAY_FOR_H: Final = (1, 5, 30)
LIMITS: Final = settings(
    max_examples=int(os.environ.get("MACHINE_STORIES", "8")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# Draws the same stories again.
SEED: Final = int(os.environ.get("MACHINE_SEED") or random.SystemRandom().randrange(2**32))
_EMPTY: list[Path] = []
_TEMPLATES: list[str] = []


def play_stories(machine: type["CrashingGateway"]) -> None:
    """Run the machine's stories. The seed is printed, which pytest shows where one fails."""
    sys.stdout.write(f"MACHINE_SEED={SEED}\n")
    run_state_machine_as_test(seed(SEED)(machine), settings=LIMITS)


class Crash(BaseException):
    """Raised where the simulated process dies."""


class MachineClock:
    """A machine time that the test sets, so that leases run out when the test wants it."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


async def empty_database() -> Path:
    if not _EMPTY:
        path = Path(tempfile.mkdtemp()) / "empty.sqlite3"
        database = open_database(f"sqlite:///{path}", fields=FIELDS)
        await migrate(database)
        await database.close()
        _EMPTY.append(path)
    return _EMPTY[0]


async def template() -> str:
    """A migrated database on PostgreSQL, to be copied; it goes when the process ends."""
    if not _TEMPLATES:
        name = f"drop_test_{os.getpid()}_machines"
        await run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await run(f"CREATE DATABASE {name}")
        database = open_database(f"{SERVER.rsplit('/', 1)[0]}/{name}", fields=FIELDS)
        await migrate(database)
        await database.close()
        _TEMPLATES.append(name)
        atexit.register(lambda: asyncio.run(run(f"DROP DATABASE {name} WITH (FORCE)")))
    return _TEMPLATES[0]


class CrashingGateway(RuleBasedStateMachine):
    """What both rails have in common: time, crashes, calls that go wrong, webhooks that come again."""

    on: ClassVar = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.machine_clock = MachineClock()
        self.line: Line
        # What outlives a crash, and what does not.
        self.kept = AsyncExitStack()
        self.stack = AsyncExitStack()
        self.database_url = ""
        self.play: Play
        self.kari: Player
        self.cookies: dict[str, str] = {}
        self.numbers = count(1)
        self.has_begun = False

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it; a crash on the way is followed by a start on what is left on disk."""
        try:
            return self.runner.run(work)
        except Crash:
            self.runner.run(self.restart())
            return None

    async def start(self) -> None:
        self.stack = AsyncExitStack()
        # Retries as many as ever, without their pauses.
        self.stack.enter_context(stamina.set_testing(True, attempts=4, cap=True))
        breakers = BreakerTime()
        self.stack.enter_context(breakers.kept())
        playing_now = playing(self.database_url, self.folder, NOON, machine_clock=self.machine_clock)
        self.play = await self.stack.enter_async_context(playing_now)
        breakers.follow(self.play.gateway.clock)
        self.line = Line(self.play.gateway.sandbox)
        self.kari = self.play.browser()
        self.kari.http.cookies.update(self.cookies)

    async def restart(self) -> None:
        self.line.mend()
        await self.stack.aclose()
        # Longer than a lease: the jobs of the dead are free.
        self.machine_clock.at += timedelta(minutes=2)
        await self.start()

    @initialize()
    def kari_is_approved(self) -> None:
        async def begin() -> None:
            self.database_url = await self.make_database()
            await self.start()
            key = (type(self).come_in,)
            if not await put_back(self.play.gateway, self.kari.http, key):
                await self.come_in()
                await keep(self.play.gateway, self.kari.http, key)
            await self.prepare()
            self.cookies = dict(self.kari.http.cookies)
            self.has_begun = True

        self.run(begin())

    async def make_database(self) -> str:
        if self.on == "sqlite":
            shutil.copy(await empty_database(), self.folder / "drop.sqlite3")
            return f"sqlite:///{self.folder}/drop.sqlite3"
        return await self.kept.enter_async_context(postgresql_database(await template()))

    async def come_in(self) -> None:
        """What a person goes through before they can pay on this rail. The first story's is put back for all others."""
        await self.kari.sign_in()
        await self.kari.ask("mutation { startKyc { kyc { status } } }")
        await self.play.advance(seconds=3)

    async def prepare(self) -> None:
        """What the machine must know before anything is paid."""

    async def judge(self) -> None:
        """Hold the vendors' ledgers against what the product says, days after the last step."""

    async def rows(self, query: str) -> list[Any]:
        async with self.play.gateway.infrastructure.database.read_engine.connect() as connection:
            return list((await connection.execute(text(query))).all())

    async def check_that_all_moves(self) -> None:
        """Check that for each payment and plan that has not ended there is work that will move it."""
        ended = ", ".join(f"'{status}'" for status in Status if status.is_final)
        for table, statuses in (("payment", f"NOT IN ({ended})"), ("plan_subscription", "<> 'ENDED'")):
            named = f"status IN ('QUEUED', 'LEASED') AND CAST(payload AS TEXT) LIKE '%' || {table}.id || '%'"
            moved = f"EXISTS (SELECT 1 FROM job WHERE job.{named})"
            query = f"SELECT id, status FROM {table} WHERE status {statuses} AND NOT {moved}"
            assert await self.rows(query) == []

    @rule(seconds=st.sampled_from([1, 20, 70, 1_000, 100_000]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.play.advance(seconds=seconds))

    @rule(hours=st.sampled_from(AWAY_FOR_H))
    def the_vendors_are_away(self, hours: int) -> None:
        async def pass_by() -> None:
            self.line.cut()
            for _ in range(hours if hours < 10 else 3):
                await self.play.advance(hours=1 if hours < 10 else hours / 3)

        self.run(pass_by())
        self.line.mend()

    @rule(number=st.integers(1, 30))
    def a_webhook_comes_again(self, number: int) -> None:
        async def send() -> None:
            response = await self.kari.http.post(f"/sandbox/webhooks/{number}")
            assert response.status_code in (303, 404)

        self.run(send())

    @rule(at=st.integers(1, 4), harm=st.sampled_from(HARMS))
    def a_call_will_go_wrong(self, at: int, harm: str) -> None:
        self.harm(at, harm)

    def harm(self, at: int, harm: str) -> None:
        match harm:
            case "the answer is lost":
                self.line.harm(at=at, after=httpx.ReadTimeout("the answer was lost"))
            case "nobody listens":
                self.line.harm(at=at, before=httpx.ConnectError("nobody listens"))
            case "dies before":
                self.line.harm(at=at, before=Crash())
            case "dies after":
                self.line.harm(at=at, after=Crash())

    @rule()
    def the_gateway_is_restarted(self) -> None:
        self.runner.run(self.restart())

    async def payments(self) -> list[dict[str, Any]]:
        edges = (await self.kari.ask(PAYMENTS))["viewer"]["payments"]["edges"]
        return [edge["node"] for edge in edges]

    async def post_and_return(self, page: str, form: dict[str, str]) -> None:
        """Press a button on a vendor's page, and go where it leads."""
        response = await self.kari.http.post(page, data=form)
        assert response.status_code < 500
        if response.status_code == 303:
            assert (await self.kari.http.get(response.headers["location"])).status_code < 500

    def teardown(self) -> None:
        try:
            if self.has_begun:
                self.runner.run(self.restart())
                self.runner.run(self.check_that_all_moves())
                # Two days ahead may be a Saturday, whose payments are carried out on a Monday.
                self.runner.run(self.play.advance(days=6))
                self.runner.run(self.judge())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.run(self.kept.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)


def check_history(payment: dict[str, Any], steps: Mapping[Status, frozenset[Status]] = _NEXT) -> None:
    """Check that the payment is not in doubt, and that its history has every version and only allowed steps."""
    assert not payment["inDoubt"], payment
    assert [event["version"] for event in nodes(payment["history"])] == list(range(1, payment["version"] + 1))
    for before, after in pairwise(nodes(payment["history"])):
        stays = before["status"] == after["status"]
        assert stays or Status(after["status"]) in steps[Status(before["status"])], payment
