"""Where it is live, one operator proposes how a payment's doubt ends, and another one approves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import httpx
import pytest
import stamina

from domain.operator import OperatorRole
from tests.builders.cards import VISA, card_payment, confirm, create
from tests.builders.gateway import Play, Player, playing
from tests.builders.line import Line
from tests.builders.own_secrets import OPERATOR_TOKEN
from tests.conftest import NOON

DOUBTS = "/api/operator/payments/doubts"
REASON = "Stripe, case 4711"


@pytest.fixture(autouse=True)
def retries_without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@dataclass
class Operated:
    """A payment in doubt, and operators who have tokens."""

    play: Play
    kari: Player
    payment: str
    tokens: dict[str, str]

    async def post(self, who: str, act: str, **form: str) -> httpx.Response:
        http = self.play.browser(authorization=f"Bearer {self.tokens[who]}").http
        return await http.post(f"/api/operator/payments/{self.payment}/{act}", data=form)

    async def proposed(self, who: str, outcome: str = "SETTLED") -> httpx.Response:
        return await self.post(who, "resolve", outcome=outcome, reason=REASON)

    async def approved(self, who: str, outcome: str = "SETTLED") -> httpx.Response:
        return await self.post(who, "approve", outcome=outcome)

    async def get(self, path: str, **params: str) -> Any:
        return (
            await self.play.browser(authorization=f"Bearer {self.tokens['ada']}").http.get(path, params=params)
        ).json()

    async def trail(self) -> list[tuple[str, str, Any]]:
        """Acts and not reads, oldest first."""
        entries = (await self.get("/api/operator/audit", object=self.payment))["entries"]
        told = [one for one in entries if one["action"].startswith("payment_resol")]
        return [(one["action"], one["operator"], one["detail"]) for one in reversed(told)]


async def operated(play: Play) -> Operated:
    kari = await play.approved()
    payment = (await create(kari))["payment"]["id"]
    Line(play.gateway.sandbox).harm(at=1, before=httpx.ReadTimeout("lost on its way"), times=3)
    await confirm(kari, payment, VISA)
    operators = play.gateway.services.operators
    tokens = {name: await operators.add(name, OperatorRole.ACT) for name in ("ada", "bo", "cleo")}
    return Operated(play, kari, payment, {**tokens, "bootstrap": OPERATOR_TOKEN})


@pytest.fixture
async def here(database_url: str, tmp_path: Path) -> AsyncIterator[Operated]:
    settings: dict[str, Any] = {"operator_token": OPERATOR_TOKEN, "two_operators_resolve": True}
    async with playing(database_url, tmp_path, NOON, **settings) as play:
        yield await operated(play)


@pytest.fixture
async def on_postgresql(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Operated]:
    settings: dict[str, Any] = {"operator_token": OPERATOR_TOKEN, "two_operators_resolve": True}
    async with playing(postgresql_url, tmp_path, NOON, **settings) as play:
        yield await operated(play)


async def test_what_one_proposes_counts_once_another_one_approves(here: Operated) -> None:
    proposed = await here.proposed("ada", "FAILED")
    between = (await card_payment(here.kari, here.payment))["status"]
    (shown,) = (await here.get(DOUBTS))["payments"]
    approved = await here.approved("bo", "FAILED")

    assert (proposed.status_code, between) == (202, "AUTHORISATION_REQUIRED")
    said = {"outcome": "FAILED", "reason": REASON, "by": "ada", "at": "2026-11-24T12:00:03Z"}
    assert {**shown["proposed"], "at": said["at"]} == {**proposed.json()["proposed"], "at": said["at"]} == said
    assert (approved.status_code, approved.json()["status"], approved.json()["proposed"]) == (200, "FAILED", None)
    assert (await card_payment(here.kari, here.payment))["status"] == "FAILED"
    assert await here.trail() == [
        ("payment_resolution_proposed", "ada", {"outcome": "FAILED", "reason": REASON}),
        ("payment_resolved", "bo", {"outcome": "FAILED", "reason": REASON, "proposedBy": "ada"}),
    ]


async def test_nobody_approves_alone_or_without_a_name(here: Operated) -> None:
    nothing_yet = await here.approved("bo")
    nameless = await here.proposed("bootstrap")
    await here.proposed("ada")
    own, shared = await here.approved("ada"), await here.approved("bootstrap")
    another, none = await here.approved("bo", "FAILED"), await here.approved("bo", "PERHAPS")
    wrong = [
        (await here.post("ada", "resolve", **form)).json()["code"] for form in ({"outcome": "FAILED"}, {"reason": "r"})
    ]

    assert [one.status_code for one in (nothing_yet, nameless, own, shared, another, none)] == [
        *(409, 403, 403, 403, 409, 400)
    ]
    assert "gateway operators add" in nameless.json()["detail"]
    assert wrong == ["REASON_REQUIRED", "INVALID_OUTCOME"]
    assert (await card_payment(here.kari, here.payment))["inDoubt"] is True
    assert [action for action, *_ in await here.trail()] == ["payment_resolution_proposed"]


async def test_a_newer_proposal_stands_in_place_of_an_older_one(here: Operated) -> None:
    await here.proposed("ada", "SETTLED")
    await here.proposed("bo", "FAILED")

    of_the_older, by_its_proposer = await here.approved("cleo", "SETTLED"), await here.approved("bo", "FAILED")
    approved = await here.approved("ada", "FAILED")

    assert (of_the_older.status_code, by_its_proposer.status_code, approved.status_code) == (409, 403, 200)


async def test_what_was_proposed_of_a_payment_that_moved_on_does_not_count(here: Operated) -> None:
    await here.proposed("ada", "FAILED")
    await confirm(here.kari, here.payment, VISA)
    await here.play.advance(minutes=10)
    moved = (await card_payment(here.kari, here.payment))["status"]

    late = await here.approved("bo", "FAILED")
    again = await here.proposed("ada", "FAILED")

    assert (moved, late.status_code, again.status_code) == ("AUTHORISATION_REQUIRED", 409, 409)
    assert "changed since" in late.json()["detail"]
    assert [action for action, *_ in await here.trail()] == ["payment_resolution_proposed"]


async def test_one_is_enough_where_nothing_is_real(play: Play) -> None:
    alone = await operated(play)
    done = await play.browser().http.post(
        f"/api/operator/payments/{alone.payment}/resolve", data={"outcome": "FAILED", "reason": REASON}
    )

    assert (done.status_code, done.json()["status"]) == (200, "FAILED")


async def until_they_wait(watching: "asyncpg.Connection[asyncpg.Record]", many: int) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with anyio.fail_after(30):
        while await watching.fetchval(waiting) < many:
            await anyio.lowlevel.checkpoint()


async def test_two_who_approve_at_once_end_it_once(on_postgresql: Operated, postgresql_url: str) -> None:
    await on_postgresql.proposed("ada")
    holder, watching = await asyncpg.connect(postgresql_url), await asyncpg.connect(postgresql_url)
    try:
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM payment_resolution FOR UPDATE")
            both = [asyncio.create_task(on_postgresql.approved(who)) for who in ("bo", "cleo")]
            await until_they_wait(watching, 2)
        answers = await asyncio.gather(*both)
    finally:
        await holder.close()
        await watching.close()

    assert sorted(one.status_code for one in answers) == [200, 409]
    assert [action for action, *_ in await on_postgresql.trail()] == ["payment_resolution_proposed", "payment_resolved"]
    assert (await card_payment(on_postgresql.kari, on_postgresql.payment))["status"] == "SETTLED"


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [
        ("UPDATE payment SET version = version + 1", "changed since"),
        ("UPDATE payment_resolution SET reason = 'another one'", "replaced by another proposal"),
    ],
)
async def test_what_changes_while_it_is_approved_is_not_approved(
    on_postgresql: Operated, postgresql_url: str, meanwhile: str, says: str
) -> None:
    await on_postgresql.proposed("ada")
    holder, watching = await asyncpg.connect(postgresql_url), await asyncpg.connect(postgresql_url)
    try:
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM payment_resolution FOR UPDATE")
            approving = asyncio.create_task(on_postgresql.approved("bo"))
            await until_they_wait(watching, 1)
            await holder.execute(meanwhile)
        late = await approving
    finally:
        await holder.close()
        await watching.close()

    assert late.status_code == 409
    assert says in late.json()["detail"]
    assert (await card_payment(on_postgresql.kari, on_postgresql.payment))["inDoubt"] is True
