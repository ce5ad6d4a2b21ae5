"""What the log says: a payment's story by its id, each request where that is switched on, no user's mistake."""

import asyncio
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from domain.ids import UserId, user_hash
from gateway.cli import app as commands
from gateway.observability.log import configure_logging
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import PAY, Play, a_payment, pay, playing
from tests.builders.line import Line
from tests.builders.sockets import opened, socket_of
from tests.conftest import NOON


class Told:
    """What was printed since it was last asked for."""

    def __init__(self) -> None:
        self.stderr = io.StringIO()

    def text(self) -> str:
        text = self.stderr.getvalue()
        self.stderr.seek(0)
        self.stderr.truncate()
        return text

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", told.stderr)
        configure_logging("INFO", is_terminal=False)
        yield told
    configure_logging("WARNING", is_terminal=False)


async def test_a_payments_story_is_told_by_its_id_and_a_hash_of_its_user(play: Play, told: Told) -> None:
    kari, account = await play.banked()
    user = (await kari.ask("{ viewer { id } }"))["viewer"]["id"]
    told.lines()

    payment = (await pay(kari, a_payment(account)))["payment"]
    line = Line(play.gateway.sandbox)
    line.harm(at=1, after=httpx.ReadTimeout("the answer was lost"))
    await kari.press(payment["authorisationUrl"], "approve")
    line.mend()
    await play.advance(minutes=5)
    lines = told.lines()

    about = [one for one in lines if one.get("payment_id") == payment["id"]]
    steps = [(one["step"], one["outcome"]) for one in about if one["event"] == "payment_step"]
    assert {step for step, _ in steps} == {"OPERATION", "VENDOR_CALL", "REDIRECT", "WEBHOOK", "TRANSITION", "JOB"}
    transitions = [outcome for step, outcome in steps if step == "TRANSITION"]
    assert transitions[0] == "CREATED"
    assert transitions[-1] == "SETTLED"
    assert {one["event"] for one in about} == {"payment_step", "stamina.retry_scheduled"}
    assert {one["user"] for one in about} == {user_hash(UserId(user))}
    assert all(one["request_id"] for one in about)
    assert user not in json.dumps(lines)
    assert "Ola Hansen" not in json.dumps(lines)


async def test_each_request_is_a_line_where_that_is_switched_on(database_url: str, tmp_path: Path, told: Told) -> None:
    async with playing(database_url, tmp_path, NOON, access_log=True) as play:
        kari = await play.person()
        told.lines()
        await kari.ask("{ viewer { id } }")
        await kari.http.get("/api/operator/payments/pay_1/timeline?token=of-somebody")
        await kari.http.get("/nowhere/of-somebody")
        text = told.text()

    lines = [json.loads(line) for line in text.splitlines() if "request" in line and line.startswith("{")]
    asked = [(one["method"], one["route"], one["status"]) for one in lines if one["event"] == "request"]
    assert asked == [
        ("POST", "/graphql", 200),
        ("GET", "/api/operator/payments/{payment}/timeline", 404),
        ("GET", None, 404),
    ]
    assert all(one["ms"] >= 0 and one["request_id"] for one in lines)
    assert "of-somebody" not in text


async def test_an_operation_over_a_socket_is_a_line_and_stands_in_the_payments_story(
    database_url: str, tmp_path: Path, told: Told
) -> None:
    async with playing(database_url, tmp_path, NOON, access_log=True) as play:
        kari, account = await play.banked()
        async with socket_of(play, kari) as socket:
            await opened(socket)
            told.lines()
            await socket.subscribe(PAY, input=a_payment(account))
            payment = (await socket.item())["payment"]
            assert (await socket.receive())["type"] == "complete"
            # The one after it has ended once it is answered.
            await socket.subscribe("{ viewer { id } }", "2")
            await socket.item()
        lines = told.lines()

    steps = [one for one in lines if one["event"] == "payment_step" and one["payment_id"] == payment["id"]]
    operation = [(one["summary"], one["outcome"]) for one in steps if one["step"] == "OPERATION"]
    assert operation == [("initiatePayment", "answered")]
    (asked, *_) = [one for one in lines if one["event"] == "request"]
    assert (asked["method"], asked["route"]) == ("WEBSOCKET", "/graphql")
    assert {one["request_id"] for one in [*steps, asked]} == {asked["request_id"]}


async def test_no_request_is_a_line_by_default(play: Play, told: Told) -> None:
    await (await play.person()).ask("{ viewer { id } }")

    assert "request" not in {one["event"] for one in told.lines()}


async def test_a_clients_mistake_prints_no_traceback(play: Play, told: Told) -> None:
    kari = await play.person()
    for body in (b"{", b"[]", b'{"query": "{ nothing }"}', b'{"query": "{"}', b'{"query": 1}', b"\xff"):
        await kari.http.post("/graphql", content=body, headers={"content-type": "application/json"})
    await kari.http.post("/api/webhooks/openbanking", content=b"{")
    await kari.http.get("/auth/bankid/callback?state=x")
    await kari.http.post("/api/mock/clock", data={"advance": "soon"})

    assert "Traceback" not in told.text()


@pytest.mark.parametrize("url", ["http://[::bad", "nowhere", "http://127.0.0.1:1", "http://exa mple"])
def test_an_operators_wrong_address_is_named_in_a_line(url: str) -> None:
    for command in (["jobs", "list"], ["clock", "show"], ["events", "tail"], ["webhooks", "list"], ["demo"]):
        ran = CliRunner().invoke(commands, [*command, "--url", url])

        assert ran.exit_code == 1, (command, ran.output)
        assert isinstance(ran.exception, SystemExit), (command, ran.exception)


async def test_an_address_of_another_server_is_named_in_a_line() -> None:
    async with counterpart(answer(200, "<html>", content_type="text/html")) as other:
        for command in (["jobs", "list"], ["clock", "show"], ["webhooks", "list"]):
            ran = await asyncio.to_thread(CliRunner().invoke, commands, [*command, "--url", other.url])

            assert (ran.exit_code, "is no gateway" in ran.output) == (1, True), (command, ran.output)
