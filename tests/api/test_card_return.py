"""A return from the page of a card's bank tells the user who pays what became of it, and nobody else."""

import pytest
from sqlalchemy import text

from tests.api.test_bank_return import approve
from tests.builders.cards import CHALLENGED, confirm, create, subscribe
from tests.builders.gateway import Play, Player, query_of

HTML = {"accept": "text/html", "accept-language": "en-GB"}
WHAT = pytest.mark.parametrize("what", ["payment", "plan"])


async def asked(player: Player, what: str) -> tuple[str, str]:
    """The id of a payment or plan whose card's bank asks for 3-D Secure, and the page."""
    if what == "plan":
        found = (await subscribe(player, CHALLENGED))["planSubscription"]
    else:
        found = (await confirm(player, (await create(player))["payment"]["id"], CHALLENGED))["payment"]
    return found["id"], found["authorisationUrl"]


async def back_from(player: Player, page: str) -> str:
    """Approve on the page of the card's bank. Gives the address that leads back to Drop."""
    back = await approve(player, page)
    while "/api/cards/callback" not in back:
        back = (await player.http.get(back)).headers["location"]
    return back


@WHAT
async def test_another_users_return_is_told_nothing(play: Play, what: str) -> None:
    kari, ola = await play.approved(), await play.person("ola")
    object_id, page = await asked(kari, what)
    back = await back_from(kari, page)

    for _ in range(3):
        refused = await ola.http.get(back, headers=HTML)

    assert refused.status_code == 403
    assert "Another user started this payment" in refused.text
    assert object_id not in refused.text
    query = text("SELECT object_id FROM audit_event WHERE action = 'card_return_refused'")
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        assert list((await connection.execute(query)).scalars()) == [object_id]
    assert query_of((await kari.http.get(back)).headers["location"]) == {what: object_id, "outcome": "approved"}


@WHAT
async def test_where_nobody_is_signed_in_the_outcome_is_not_told(play: Play, what: str) -> None:
    kari = await play.approved()
    object_id, page = await asked(kari, what)
    back = await back_from(kari, page)

    returned = await play.browser().http.get(back)

    assert returned.status_code == 303
    assert query_of(returned.headers["location"]) == {what: object_id, "outcome": "unknown"}


async def test_a_cards_way_back_is_none_from_a_bank(play: Play) -> None:
    kari = await play.approved()
    _, page = await asked(kari, "payment")
    back = await back_from(kari, page)

    refused = await kari.http.get("/api/openbanking/callback", params=query_of(back))

    assert refused.status_code == 404
