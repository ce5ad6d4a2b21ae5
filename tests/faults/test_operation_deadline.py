"""Operations that take too long: a query is cut off, and what a mutation has begun goes on to its end, once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from anyio import fail_after

from tests.builders.cards import CREATE, confirm, create, key
from tests.builders.gateway import Play, a_payment, pay, payment_of, playing
from tests.builders.line import Line
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON

KYC = "mutation { mine: startKyc { kyc { status } userErrors { code } } }"
SLOW = "{ viewer { kyc { status } payments { edges { node { id } } } } }"


@pytest.fixture
async def play(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, operation_deadline_s=2.5) as play:
        play.takes_ready = True
        yield play


@pytest.fixture
def line(play: Play) -> Line:
    return Line(play.gateway.sandbox)


async def let_go(play: Play, line: Line) -> None:
    line.let_go()
    with fail_after(10):
        await play.gateway.services.shield.finish()


async def test_a_payment_whose_bank_hangs_is_shown_as_it_stands_and_initiated_once(play: Play, line: Line) -> None:
    kari, account = await play.banked()
    given = a_payment(account)
    line.delays(b"/bank/payments")

    first = await pay(kari, given)
    again = await pay(kari, given)
    await let_go(play, line)
    after = await payment_of(kari, first["payment"]["id"])
    await kari.press(after["authorisationUrl"], "approve")
    await play.advance(minutes=10)

    assert (first["payment"]["status"], first["payment"]["inDoubt"], first["userErrors"]) == ("CREATED", False, [])
    assert again["payment"]["id"] == first["payment"]["id"]
    assert (after["status"], after["inDoubt"]) == ("AUTHORISATION_REQUIRED", False)
    assert (await payment_of(kari, first["payment"]["id"]))["status"] == "SETTLED"
    assert len(await play.ledger()) == 1


async def test_a_card_whose_vendor_hangs_is_charged_once(play: Play, line: Line) -> None:
    kari = await play.approved()
    payment_id, given = (await create(kari))["payment"]["id"], {"idempotencyKey": key()}
    line.delays(b"/confirm")

    first = await confirm(kari, payment_id, **given)
    again = await confirm(kari, payment_id, **given)
    await let_go(play, line)
    await play.advance(minutes=10)

    for payload in (first, again):
        assert (payload["payment"]["status"], payload["userErrors"]) == ("AUTHORISATION_REQUIRED", [])
    after = await payment_of(kari, payment_id)
    assert after["status"] == "SETTLED"
    assert [event["status"] for event in (edge["node"] for edge in after["history"]["edges"])].count("SETTLED") == 1


async def test_a_mutation_without_an_object_says_that_it_goes_on(play: Play, line: Line, alerts: list[str]) -> None:
    kari = await play.person()
    line.delays(b"/kyc/applicants")

    late = (await kari.post(KYC)).json()
    await let_go(play, line)

    (error,) = late["errors"]
    assert (late["data"], error["path"]) == ({"mine": None}, ["mine"])
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("DEADLINE_EXCEEDED", True)
    assert "goes on" in error["message"]
    assert error["extensions"]["userMessage"].startswith("Dette tar lengre tid enn vanlig")
    status = (await kari.ask("{ viewer { kyc { status } } }"))["viewer"]["kyc"]["status"]
    assert status == "PENDING"
    assert (await kari.ask(KYC))["mine"]["userErrors"] == []
    assert alerts == []


async def test_a_client_that_leaves_its_socket_leaves_a_whole_payment(play: Play, line: Line) -> None:
    kari = await play.approved()
    given = {"amount": {"amountMinor": "12500", "currency": "NOK"}, "idempotencyKey": key()}
    line.delays(b"/card")

    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(CREATE, input=given)
        with fail_after(10):
            await line.is_delaying.wait()
        await socket.send(id="1", type="complete")
    await let_go(play, line)

    payment = (await kari.ask(CREATE, input=given))["createCardPayment"]["payment"]
    assert (payment["status"], payment["inDoubt"]) == ("AUTHORISATION_REQUIRED", False)


@pytest.mark.parametrize("is_socket", [False, True])
async def test_a_query_is_cut_off_for_good(postgresql_url: str, tmp_path: Path, is_socket: bool) -> None:
    async with playing(postgresql_url, tmp_path, NOON, operation_deadline_s=2) as play:
        kari = await play.person()
        holder: asyncpg.Connection = await asyncpg.connect(postgresql_url)
        async with holder.transaction():
            await holder.execute("LOCK TABLE kyc_application, payment IN ACCESS EXCLUSIVE MODE")
            late = await over_socket(play, kari) if is_socket else (await kari.post(SLOW)).json()
            with fail_after(5):
                while await waiting(holder):
                    pass
        await holder.close()

        (error,) = late["errors"]
        assert (late["data"], error["extensions"]["code"]) == (None, "DEADLINE_EXCEEDED")
        assert error["extensions"]["userMessage"] == "Dette tok for lang tid. Prøv igjen om litt."
        assert (await kari.ask(SLOW))["viewer"]["payments"] == {"edges": []}


async def over_socket(play: Play, player: Any) -> Any:
    async with socket_of(play, player) as socket:
        await opened(socket)
        await socket.subscribe(SLOW)
        received = await socket.receive()
        assert received["type"] == "next"
        return received["payload"]


async def waiting(holder: asyncpg.Connection) -> int:
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    query = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND database = {here}"
    count: int = await holder.fetchval(query)
    return count
