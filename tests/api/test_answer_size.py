"""An answer has a size that it may not pass; none of a larger one is given."""

import pytest

from routes.graphql import answer_size
from tests.builders.gateway import Play
from tests.builders.sockets import opened, socket_of

BANKS = "{ banks { id name } }"


@pytest.fixture
def three_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_size, "MAX_NODES", 3)


@pytest.mark.usefixtures("three_objects")
async def test_an_answer_with_too_many_objects_is_refused_whole(play: Play) -> None:
    http = play.browser().http

    answer = (await http.post("/graphql", json={"query": BANKS})).json()
    small = (await http.post("/graphql", json={"query": "{ serviceStatus { mode } }"})).json()

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "3 objects" in error["message"]
    assert not answer.get("data")
    assert small["data"]


@pytest.mark.usefixtures("three_objects")
async def test_an_answer_with_too_many_objects_is_refused_on_a_socket_which_goes_on(play: Play) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.subscribe(BANKS)
        refused = await socket.receive()
        assert (await socket.receive())["type"] == "complete"
        await socket.subscribe("{ serviceStatus { mode } }", "2")
        answered = await socket.receive()

    (error,) = refused["payload"]["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert answered["payload"]["data"]


async def test_an_answer_with_too_many_bytes_is_refused_whole(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_size, "MAX_BYTES", 150)

    answer = (await play.browser().http.post("/graphql", json={"query": BANKS})).json()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_TOO_COMPLEX"]
    assert "150 bytes" in answer["errors"][0]["message"]


@pytest.mark.usefixtures("three_objects")
async def test_the_schemas_own_description_is_no_object_of_the_answer(play: Play) -> None:
    answer = (await play.browser().http.post("/graphql", json={"query": "{ __schema { types { name } } }"})).json()

    assert len(answer["data"]["__schema"]["types"]) > 3
