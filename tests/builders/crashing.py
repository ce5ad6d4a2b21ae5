"""A gateway in mock mode that calls go wrong for and that dies at any moment, for state machines to play with."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import stamina
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from db.engine import open_database
from db.migrate import migrate
from domain.payment import _NEXT, Status
from tests.builders.databases import postgresql_database
from tests.builders.gateway import Play, Player, nodes, playing
from tests.builders.line import Line

NOON: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAYMENTS: Final = """{ viewer { payments(first: 100) { edges { node {
  id status inDoubt version refunds(first: 100) { edges { node { id status amount { amountMinor } } } }
  history(first: 100) { edges { node { status version cause } } } } } } } }"""
HARMS: Final = ("none", "the answer is lost", "nobody listens", "dies before", "dies after")
LIMITS: Final = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
# Each example makes a database of its own there.
FEWER: Final = settings(LIMITS, max_examples=12)
_EMPTY: list[Path] = []


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
        database = open_database(f"sqlite:///{path}")
        await migrate(database)
        await database.close()
        _EMPTY.append(path)
    return _EMPTY[0]


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
        playing_now = playing(self.database_url, self.folder, NOON, machine_clock=self.machine_clock)
        self.play = await self.stack.enter_async_context(playing_now)
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
            await self.kari.sign_in()
            await self.kari.ask("mutation { startKyc { kyc { status } } }")
            await self.play.advance(seconds=3)
            await self.prepare()
            self.cookies = dict(self.kari.http.cookies)
            self.has_begun = True

        self.run(begin())

    async def make_database(self) -> str:
        if self.on == "sqlite":
            shutil.copy(await empty_database(), self.folder / "drop.sqlite3")
            return f"sqlite:///{self.folder}/drop.sqlite3"
        url = await self.kept.enter_async_context(postgresql_database())
        database = open_database(url)
        await migrate(database)
        await database.close()
        return url

    async def prepare(self) -> None:
        """What the rail needs before anything is paid."""

    async def judge(self) -> None:
        """Hold the vendors' ledgers against what the product says."""

    @rule(seconds=st.sampled_from([1, 20, 70, 1_000, 100_000]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.play.advance(seconds=seconds))

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
