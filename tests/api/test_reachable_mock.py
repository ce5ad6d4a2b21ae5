"""Mock mode that others can reach, as in a container: operators have a token, and only its own names are answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.commands.operator_token import with_operator_token
from gateway.settings.check import load_settings
from tests.builders.gateway import Play, playing
from tests.builders.sockets import socket_of
from tests.conftest import NOON

SIGN_IN = "/auth/bankid/login?persona=kari&return_to=/api/health/live"


@pytest.fixture
async def reachable(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, host="0.0.0.0", public_url="http://drop.test:8000") as play:
        yield play


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 303),
        ("127.0.0.1:8000", 303),
        ("[::1]:8000", 303),
        ("drop.test:8000", 303),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("192.168.1.7:8000", 421),
        ("[", 421),
    ],
)
async def test_only_names_of_its_own_are_answered(reachable: Play, host: str, status: int) -> None:
    answer = await reachable.browser(host=host).http.get(SIGN_IN)

    assert answer.status_code == status
    if status == 421:
        assert "PUBLIC_URL" in answer.json()["detail"]


async def test_probes_call_a_container_by_its_address(reachable: Play) -> None:
    assert (await reachable.browser(host="10.0.0.7:8000").http.get("/api/health/ready")).status_code == 200


async def test_who_reaches_this_machine_alone_is_asked_for_no_name(play: Play) -> None:
    assert (await play.browser(host="drop.local:8000").http.get(SIGN_IN)).status_code == 303


async def test_sockets_are_opened_as_before(reachable: Play) -> None:
    async with socket_of(reachable) as socket:
        assert (await socket.receive())["type"] == "connection_ack"


def test_a_token_is_made_where_others_reach_it_and_none_is_set() -> None:
    alone = load_settings(_env_file=None)
    open_to_all = load_settings(_env_file=None, host="0.0.0.0")
    chosen = load_settings(_env_file=None, host="0.0.0.0", operator_token="mine")

    first, again = with_operator_token(open_to_all), with_operator_token(open_to_all)

    assert with_operator_token(alone) == (alone, None)
    assert with_operator_token(chosen) == (chosen, None)
    assert first[1] is not None
    assert again[1] is not None
    assert len(first[1]) > 40
    assert first[1] != again[1]
    assert first[0].operator_token is not None
    assert first[0].operator_token.get_secret_value() == first[1]
