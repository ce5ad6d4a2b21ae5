"""What runs beside the requests: begun again where it ends, and seen in health; what it could not write is kept."""

import asyncio

from anyio import fail_after

from tests.builders.gateway import Play, a_payment, pay


async def test_a_task_that_ends_by_an_error_is_begun_again_and_shown(play: Play, alerts: list[str]) -> None:
    background, begun, runs = play.gateway.services.background, asyncio.Event(), 0

    async def ends_twice() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError
        if runs == 2:
            raise asyncio.CancelledError
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(background.keep("clock", ends_twice))
    with fail_after(10):
        await begun.wait()
    health = (await play.browser().http.get("/api/health")).json()
    task.cancel()
    await asyncio.wait([task])

    assert health["checks"]["background/clock"] == "degraded"
    assert task.cancelled()
    assert alerts == ["Unhandled exception"] * 2


async def test_what_a_timeline_could_not_write_is_written_later(play: Play) -> None:
    kari, account = await play.banked()
    database = play.gateway.infrastructure.database.write_engine
    async with database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE trace_event RENAME TO trace_event_away")
    payment = (await pay(kari, a_payment(account)))["payment"]["id"]
    operators = play.browser().http
    away = await operators.get(f"/api/operator/payments/{payment}/timeline")

    async with database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE trace_event_away RENAME TO trace_event")
    told = (await operators.get(f"/api/operator/payments/{payment}/timeline")).json()["events"]

    assert away.status_code == 500
    assert ("OPERATION", "initiatePayment") in {(event["kind"], event["summary"]) for event in told}
