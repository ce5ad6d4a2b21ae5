"""Every row that is not final has a job that will move it; a row whose job was lost gets another."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.orphans import RowKind
from domain.ids import UserId
from domain.payment import Status
from services.users.kyc import AskKycVendor
from tests.builders.cards import DECLINED, confirm, create, subscribe
from tests.builders.gateway import Play, a_payment, pay, playing
from tests.conftest import NOON

EXPORT = "mutation { requestDataExport { dataExport { id } } }"


@pytest.fixture
async def play(either_database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(either_database_url, tmp_path, NOON) as play:
        yield play


async def sql(play: Play, statement: str) -> list[Any]:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        found = await connection.execute(text(statement))
        return list(found) if found.returns_rows else []


async def jobs(play: Play) -> dict[str, int]:
    rows = await sql(play, "SELECT kind, count(*) FROM job WHERE row_id IS NOT NULL AND kind <> 'purge' GROUP BY kind")
    return {kind: count for kind, count in rows}


async def under_way(play: Play) -> str:
    """A payment at a bank, whose id is given, a card payment, a plan and an export."""
    kari, account = await play.banked()
    payment: str = (await pay(kari, a_payment(account)))["payment"]["id"]
    await create(kari)
    await subscribe(kari)
    await play.settle()
    await kari.ask(EXPORT)
    return payment


async def test_every_open_row_has_a_job(play: Play) -> None:
    await under_way(play)
    for _ in range(3):
        await play.advance(minutes=11)
        assert await play.gateway.services.orphans.start() == 0


async def test_a_row_whose_job_was_lost_gets_another_and_one_alone(play: Play) -> None:
    payment = await under_way(play)
    await play.advance(minutes=11)
    before = await jobs(play)
    await sql(play, "DELETE FROM job WHERE row_id IS NOT NULL AND kind <> 'purge'")

    started = await play.gateway.services.orphans.start()
    after = await jobs(play)
    again = await play.gateway.services.orphans.start()
    await play.advance(days=3)

    assert (after, started, again) == (dict.fromkeys(before, 1), len(before), 0)
    assert before.keys() == {
        *("ask_bank", "ask_card_vendor", "ask_consent", "ask_kyc_vendor", "ask_plan_subscription"),
        "expire_data_export",
    }
    assert set((await jobs(play)).values()) == {1}
    assert await sql(play, f"SELECT status FROM payment WHERE id = '{payment}'") == [("EXPIRED",)]


async def test_an_end_that_was_inferred_has_a_job_as_long_as_it_is_watched(play: Play) -> None:
    payment = await under_way(play)
    await sql(play, f"UPDATE payment SET status = 'EXPIRED', watched_until = '2026-11-26' WHERE id = '{payment}'")
    await sql(play, "DELETE FROM job WHERE kind = 'ask_bank'")
    await play.advance(minutes=11)

    started = await play.gateway.services.orphans.start()
    watching = (await jobs(play))["ask_bank"]
    again = await play.gateway.services.orphans.start()
    await sql(play, "UPDATE payment SET watched_until = '2026-11-20'")
    await sql(play, "DELETE FROM job WHERE kind = 'ask_bank'")

    assert (started, watching, again) == (1, 1, 0)
    assert await play.gateway.services.orphans.start() == 0


async def test_a_plans_end_that_was_inferred_has_a_job_as_long_as_it_is_watched(play: Play) -> None:
    await under_way(play)
    await sql(play, "UPDATE plan_subscription SET status = 'ENDED', watched_until = '2026-11-26'")
    await sql(play, "DELETE FROM job WHERE kind = 'ask_plan_subscription'")
    await play.advance(minutes=11)

    started = await play.gateway.services.orphans.start()
    watching = (await jobs(play))["ask_plan_subscription"]
    await sql(play, "UPDATE plan_subscription SET watched_until = '2026-11-20'")
    await sql(play, "DELETE FROM job WHERE kind = 'ask_plan_subscription'")

    assert (started, watching) == (1, 1)
    assert await play.gateway.services.orphans.start() == 0


async def test_more_rows_than_a_page_holds_get_their_jobs(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.jobs.orphans._AT_ONCE", 2)
    kari = await play.approved()
    for _ in range(5):
        await create(kari)
    await play.advance(minutes=11)
    await sql(play, "DELETE FROM job WHERE kind = 'ask_card_vendor'")

    started = await play.gateway.services.orphans.start()

    assert (started, (await jobs(play))["ask_card_vendor"]) == (5, 5)
    assert await play.gateway.services.orphans.start() == 0


async def test_a_payment_for_a_later_day_has_no_age_yet(play: Play) -> None:
    await under_way(play)
    await sql(play, "UPDATE payment SET status = 'PROCESSING', scheduled_for = '2026-12-24' WHERE rail = 'BANK'")
    await play.advance(days=30)
    await sql(play, "UPDATE payment SET status = 'PROCESSING' WHERE rail = 'BANK'")

    async with play.gateway.infrastructure.read() as read:
        since = await read.orphans.oldest(RowKind.BANK_PAYMENT, [Status.PROCESSING])
    await sql(play, "UPDATE payment SET scheduled_for = NULL WHERE rail = 'BANK'")
    async with play.gateway.infrastructure.read() as read:
        aged = await read.orphans.oldest(RowKind.BANK_PAYMENT, [Status.PROCESSING])

    assert (since, list(aged)) == ({}, ["PROCESSING"])


async def test_nobody_asks_about_a_user_who_has_left(play: Play) -> None:
    await under_way(play)
    await play.advance(minutes=11)
    await sql(play, "DELETE FROM job WHERE kind = 'ask_kyc_vendor'")
    await sql(play, "UPDATE \"user\" SET deleted_at = '2026-11-24 12:00:00+00:00'")

    started = await play.gateway.services.orphans.start()
    kari = UserId((await sql(play, 'SELECT id FROM "user"'))[0][0])
    async with play.gateway.infrastructure.work() as work:
        work.jobs.enqueue(AskKycVendor(kari, 60.0), now=NOON)
        await work.commit()
    await play.advance(minutes=1)

    assert started == 0
    assert "ask_kyc_vendor" not in await jobs(play)


async def test_many_tries_to_pay_leave_one_chain_of_asks(play: Play) -> None:
    kari, _ = await play.banked()
    payment = (await create(kari))["payment"]["id"]
    for _ in range(5):
        await confirm(kari, payment, DECLINED)

    await play.advance(hours=1)

    assert (await jobs(play))["ask_card_vendor"] == 1
