"""After an account is deleted, a search of all rows, opened, and of the store finds only what the law wants kept."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.sealed import fields_of, opened_row
from db.tables.all import METADATA
from tests.api.test_cards import ADDRESS as HOLDING
from tests.api.test_cards import HOLDER, issue
from tests.api.test_leaving import delete
from tests.api.test_upload import COMPLETE, PNG, create, objects, put
from tests.api.test_upload import DELETE as DELETE_UPLOAD
from tests.builders.cards import paid, subscribe
from tests.builders.gateway import Play, a_payment, connect, pay, playing
from tests.builders.messages import reached_at, update
from tests.conftest import NOON

EMAIL, PHONE, ADDRESS = "kanari@example.no", "+4790000042", "Karl Johans gate"


async def found(play: Play, *values: str) -> set[tuple[str, str]]:
    """The columns in which one of the values stands, with what is encrypted beside others opened."""
    places = set()
    async with play.gateway.infrastructure.database.read() as session:
        for table in METADATA.sorted_tables:
            for row in (await (await session.connection()).execute(select(table))).mappings():
                opened = opened_row(fields_of(session), table, dict(row))
                places |= {
                    (f"{table.name}.{name}", value)
                    for name, held in opened.items()
                    for value in values
                    if value in (held.decode(errors="ignore") if isinstance(held, bytes) else str(held))
                }
    return places


async def test_nothing_of_a_person_who_has_left_is_found(play: Play) -> None:
    kari = await play.approved()
    name = (await kari.ask("{ viewer { name } }"))["viewer"]["name"]
    await connect(kari)
    await reached_at(play, kari, email=EMAIL, phone=PHONE)
    await update(kari, address="Karl Johans gate 1")
    await play.settle()
    assert {place for place, _ in await found(play, EMAIL, PHONE, ADDRESS)} >= {
        "user.email",
        "user.phone",
        "user.address",
    }

    await delete(kari)
    await play.advance(minutes=30)

    assert await found(play, EMAIL, PHONE, ADDRESS, name) == set()


async def test_of_payments_plans_and_cards_stays_what_the_law_wants_and_no_more(
    database_url: str, tmp_path: Path
) -> None:
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True}
    async with playing(database_url, tmp_path, NOON, machine_clock=None, **on) as play:
        kari, account = await play.banked()
        name = (await kari.ask("{ viewer { name } }"))["viewer"]["name"]
        await reached_at(play, kari, email=EMAIL, phone=PHONE)
        await kari.ask(HOLDING)
        await kari.ask(HOLDER)
        await issue(kari)
        payment = (await pay(kari, a_payment(account, creditorName="Kanari Hansen", message="Kanari i buret")))[
            "payment"
        ]
        await kari.press(payment["authorisationUrl"], "approve")
        await paid(kari)
        await subscribe(kari)
        await play.advance(seconds=2)
        await play.settle()
        assert {place for place, _ in await found(play, ADDRESS)} >= {"user.address", "cardholder.address"}

        deleted = await delete(kari)
        await play.advance(minutes=30)

        assert deleted["deletedAt"] is not None
        assert await found(play, EMAIL, PHONE, ADDRESS, name) == set()
        assert await found(play, "Kanari") == {("payment.creditor_name", "Kanari"), ("payment.message", "Kanari")}


@pytest.mark.parametrize("by", ["leaving", "deleteUpload"])
async def test_a_file_that_is_put_again_after_its_deletion_does_not_stay(play: Play, by: str) -> None:
    kari = await play.person()
    created = await create(kari)
    await put(play, created["target"], PNG)
    await kari.ask(COMPLETE, id=created["upload"]["id"])
    if by == "leaving":
        await delete(kari)
    else:
        await kari.ask(DELETE_UPLOAD, id=created["upload"]["id"])
    await play.settle()
    assert await objects(play) == 0

    assert (await put(play, created["target"], PNG)).status_code == 200
    assert await objects(play) == 1
    await play.advance(minutes=30)

    assert await objects(play) == 0
