"""How often a client may do what costs something, and what it is told beyond that."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders.gateway import Play, Player, playing
from tests.builders.sockets import socket_of
from tests.conftest import NOON

GREETING = 'mutation { a: updateProfile(input: {locale: "nb-NO"}) { userErrors { code } } }'
REFUND = 'mutation { refundPayment(input: {id: "pay_1", idempotencyKey: "%s"}) { userErrors { code } } }'


@pytest.fixture
def narrow(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Play]:
    """A gateway with the settings of the test's parameter."""
    return playing(database_url, tmp_path, NOON, **request.param)


@pytest.fixture
async def play(narrow: AbstractAsyncContextManager[Play]) -> AsyncIterator[Play]:
    async with narrow as play:
        yield play


def limited(**settings: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("narrow", [settings], indirect=True, ids=lambda given: "-".join(given))


def is_refused(response: httpx.Response) -> bool:
    """Whether it is too often; the header then tells when there is room again."""
    if response.status_code != 429:
        return False
    assert 1 <= int(response.headers["retry-after"]) <= 60
    return True


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body.get("errors", [])]


@limited(limit_sign_ins=3, trusted_proxies="127.0.0.1")
async def test_sign_ins_are_counted_by_address_and_by_a_customer_s_ipv6_network(play: Play) -> None:
    player = play.browser()

    async def begin(address: str) -> bool:
        return is_refused(await player.http.get("/auth/bankid/login", headers={"x-forwarded-for": address}))

    assert [await begin("198.51.100.1") for _ in range(5)] == [False, False, False, True, True]
    # What a client adds itself changes nothing; another address is another client.
    assert await begin("203.0.113.9, 198.51.100.1")
    assert not await begin("198.51.100.2")
    assert [await begin(f"2a02:1::{n}") for n in range(4)] == [False, False, False, True]


@limited(limit_sign_ins=2)
async def test_returns_of_logins_are_counted_too(play: Play) -> None:
    http = play.browser().http
    answers = [await http.get("/auth/bankid/callback?state=guess") for _ in range(3)]

    assert [is_refused(answer) for answer in answers] == [False, False, True]
    assert answers[-1].json()["code"] == "RATE_LIMITED"


@limited(limit_token_exchanges=2)
async def test_token_exchanges_are_counted_by_address(play: Play) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "guess"}
    answers = [await play.browser().http.post("/auth/token", data=form) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 429]


@limited(limit_bad_signatures=2)
async def test_a_good_signature_is_accepted_however_many_bad_ones_came(play: Play) -> None:
    http = play.browser().http
    bad = [await http.post("/api/webhooks/stripe", json={}, headers={"stripe-signature": "t=1,v1=0"}) for _ in "123"]
    # The sandbox's webhook of the review comes from the same address.
    kari = await play.approved()

    assert [answer.status_code for answer in bad] == [401, 401, 429]
    assert (await kari.ask("{ viewer { kyc { status } } }"))["viewer"]["kyc"]["status"] == "APPROVED"


@limited(limit_operator_guesses=3, operator_token="t0ken")
async def test_who_guesses_operators_tokens_is_not_told_of_the_right_one(play: Play) -> None:
    http = play.browser().http

    async def ask(token: str) -> int:
        return (await http.get("/api/operator/jobs", headers={"authorization": f"Bearer {token}"})).status_code

    assert [await ask("t0ken") for _ in range(10)] == [200] * 10
    assert [await ask(f"guess{n}") for n in range(4)] == [401, 401, 401, 429]
    assert await ask("t0ken") == 429


@limited(limit_operations=3)
async def test_reads_are_counted_by_session_and_signed_out_by_address(play: Play) -> None:
    kari, ola, nobody = await play.person(), await play.person("ola"), play.browser()

    async def reads(player: Player) -> list[bool]:
        return [is_refused(await player.post("{ serviceStatus { mode } }")) for _ in range(4)]

    assert await reads(kari) == [False, False, False, True]
    assert await reads(ola) == await reads(nobody) == [False, False, False, True]
    refused = await kari.post("{ viewer { id } }")
    (error,) = refused.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("RATE_LIMITED", True)
    assert error["extensions"]["retryAfter"] == int(refused.headers["retry-after"])
    async with socket_of(play, ola) as socket:
        assert (await socket.receive())["type"] == "connection_ack"
        await socket.subscribe("{ serviceStatus { mode } }")
        answer = await socket.receive()
    assert (answer["type"], codes({"errors": answer["payload"]})) == ("error", ["RATE_LIMITED"])


@limited(limit_mutations=3)
async def test_each_alias_of_a_mutation_counts(play: Play) -> None:
    kari, ola = await play.person(), await play.person("ola")
    many = " ".join(f'm{n}: updateProfile(input: {{locale: "nb-NO"}}) {{ userErrors {{ code }} }}' for n in range(5))

    body = (await kari.post(f"mutation {{ {many} }}")).json()

    assert [field for field, payload in body["data"].items() if payload is None] == ["m3", "m4"]
    assert codes(body) == ["RATE_LIMITED"] * 2
    assert body["errors"][0]["extensions"]["retryAfter"] >= 1
    assert codes((await ola.post(GREETING)).json()) == []


@limited(limit_money_mutations=2)
async def test_mutations_that_move_money_are_fewer(play: Play) -> None:
    kari = await play.person()
    answers = [codes((await kari.post(REFUND % f"test-key-{n}")).json()) for n in range(3)]

    assert answers == [[], [], ["RATE_LIMITED"]]
    assert codes((await kari.post(GREETING)).json()) == []
