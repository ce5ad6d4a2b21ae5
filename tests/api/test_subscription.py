"""Subscriptions over graphql-transport-ws and SSE, through an ASGI server's own interface."""

import pytest
from anyio import fail_after
from sqlalchemy import func, select, update
from sqlmodel import col

from db.tables.event import UserEventRow
from domain.event import EventKind, Position
from services.subscriptions.streams import cursor_of, position_of
from tests.api.test_login import app_tokens
from tests.builders.gateway import Play, a_payment, pay
from tests.builders.sockets import event_stream, events_of, opened, socket_of

FOLLOW = """subscription($id: ID!, $after: String) { paymentUpdated(id: $id, after: $after) {
  cursor kind payment { status version authorisationUrl history { edges { node { version } } } } } }"""
VIEWER = """subscription($after: String) { viewerEvents(after: $after) { cursor kind type change objectId
  ...Payment ...Kyc viewer { id } bankLink { id status } bankAccount { id balanceRefreshedAt balances { asOf } }
  planSubscription { id } upload { id status } dataExport { id } card { id } } }
fragment Payment on ViewerEvent { payment { id version status } }
fragment Kyc on ViewerEvent { kyc { id status } }"""
SHOWN = {
    "VIEWER": "viewer",
    "PAYMENT": "payment",
    "KYC": "kyc",
    "BANK_LINK": "bankLink",
    "BANK_ACCOUNT": "bankAccount",
    "PLAN_SUBSCRIPTION": "planSubscription",
    "UPLOAD": "upload",
    "DATA_EXPORT": "dataExport",
    "CARD": "card",
}
KYC = "subscription($after: String) { kycUpdated(after: $after) { cursor kind kyc { status } } }"
BANK_LINKS = """subscription($after: String) { bankLinkUpdated(after: $after) {
  cursor kind bankLinks { status bank { name } } } }"""


async def test_a_payment_is_followed_from_the_start_to_the_end(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]

    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"])
        items = [await socket.item()]
        await kari.press(payment["authorisationUrl"], "approve")
        items.append(await socket.item())
        await play.advance(seconds=1)
        items.append(await socket.item())

    assert [(item["kind"], item["payment"]["status"]) for item in items] == [
        ("SNAPSHOT", "AUTHORISATION_REQUIRED"),
        ("CHANGE", "PROCESSING"),
        ("CHANGE", "SETTLED"),
    ]
    assert items[0]["payment"]["authorisationUrl"] == payment["authorisationUrl"]
    assert items[1]["payment"]["authorisationUrl"] is None
    # Relations are read anew for each event: no loader remembers the first.
    assert [len(item["payment"]["history"]["edges"]) for item in items] == [2, 3, 4]


async def test_a_stream_resumes_from_a_cursor_with_nothing_missed_or_repeated(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"])
        cursor = (await socket.item())["cursor"]
    await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(seconds=1)

    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"], after=cursor)
        items = [await socket.item(), await socket.item()]
        await socket.subscribe(FOLLOW, "2", id=payment["id"], after=items[0]["cursor"])
        again = await socket.item()

    assert [(item["kind"], item["payment"]["version"]) for item in items] == [("CHANGE", 3), ("CHANGE", 4)]
    assert again == items[1]


async def test_the_object_is_as_it_was_at_its_event(play: Play) -> None:
    kari = await play.person()
    start = (await events_of(play, kari, KYC, 1))[0]["cursor"]
    await kari.ask("mutation { startKyc { kyc { status } } }")
    await play.advance(seconds=3)

    items = await events_of(play, kari, KYC, 2, after=start)

    assert [item["kyc"]["status"] for item in items] == ["PENDING", "APPROVED"]


async def test_the_viewers_stream_has_everything_in_order(play: Play) -> None:
    kari = await play.person()
    start = (await events_of(play, kari, VIEWER, 1))[0]
    assert (start["kind"], start["type"], start["change"]) == ("SNAPSHOT", "VIEWER", None)
    other, account = await play.banked()
    await pay(other, a_payment(account))

    items = await events_of(play, kari, VIEWER, 11, after=start["cursor"])

    found = [(item["type"], item["change"]) for item in items]
    # Each of two accounts is read by itself: first its balances, then its statement.
    read, found[4:8] = sorted(found[4:8]), []
    assert read == [*2 * [("BANK_ACCOUNT", "CREATED")], *2 * [("BANK_ACCOUNT", "UPDATED")]]
    assert found == [
        *(("KYC", "UPDATED"), ("KYC", "UPDATED"), ("BANK_LINK", "CREATED"), ("BANK_LINK", "UPDATED")),
        *(("PAYMENT", "CREATED"), ("BANK_ACCOUNT", "UPDATED"), ("PAYMENT", "UPDATED")),
    ]
    for item in (start, *items):
        assert [name for name in SHOWN.values() if item[name] is not None] == [SHOWN[item["type"]]]
        assert item[SHOWN[item["type"]]]["id"] == item["objectId"]


async def test_an_account_in_an_event_is_as_it_was_at_its_change(play: Play) -> None:
    kari = await play.person()
    start = (await events_of(play, kari, VIEWER, 1))[0]["cursor"]
    other, account = await play.banked()
    await play.advance(hours=1)
    await pay(other, a_payment(account))

    items = await events_of(play, kari, VIEWER, 11, after=start)

    then, _, later = (
        item["bankAccount"] for item in items if item["type"] == "BANK_ACCOUNT" and item["objectId"] == account
    )
    assert then["balanceRefreshedAt"] < later["balanceRefreshedAt"]
    assert then["balances"] != later["balances"]


async def test_an_account_in_an_event_of_an_older_release_is_as_it_is_now(play: Play) -> None:
    kari = await play.person()
    start = (await events_of(play, kari, VIEWER, 1))[0]["cursor"]
    _, account = await play.banked()
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(
            update(UserEventRow)
            .where(col(UserEventRow.kind) == EventKind.BANK_ACCOUNT)
            .values(fields={"balance_refreshed_at": "2026-01-01T00:00:00.000Z"})
        )

    items = await events_of(play, kari, VIEWER, 6, after=start)

    (shown,) = (item["bankAccount"] for item in items if item["objectId"] == account)
    assert shown["balances"]
    assert not shown["balanceRefreshedAt"].startswith("2026-01-01")


async def test_an_object_that_is_no_longer_there_is_removed(play: Play) -> None:
    kari, account = await play.banked()
    start = (await events_of(play, kari, VIEWER, 1))[0]["cursor"]
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(
            update(UserEventRow).where(col(UserEventRow.object_id) == account).values(object_id="acc_gone")
        )
        # A bank's accounts are read at once, in any order.
        last = select(func.max(col(UserEventRow.seq))).where(col(UserEventRow.object_id) == "acc_gone")
        seq = (await connection.execute(last)).scalar_one()
    old = cursor_of(Position(position_of(start).epoch, seq - 1))

    (gone,) = await events_of(play, kari, VIEWER, 1, after=old)

    assert gone["objectId"] == "acc_gone"
    assert (gone["kind"], gone["type"], gone["change"]) == ("CHANGE", "BANK_ACCOUNT", "REMOVED")
    assert [name for name in SHOWN.values() if gone[name] is not None] == []


async def test_bank_connections_are_followed(play: Play) -> None:
    kari, _ = await play.banked()

    (snapshot,) = await events_of(play, kari, BANK_LINKS, 1)

    assert snapshot["kind"] == "SNAPSHOT"
    assert snapshot["bankLinks"] == [{"status": "ACTIVE", "bank": {"name": "DNB"}}]


async def test_a_cursor_of_another_stream_or_ahead_of_this_one_answers_a_gap(play: Play) -> None:
    kari, silje = await play.person(), await play.person("silje")
    ahead = (await events_of(play, kari, VIEWER, 1))[0]["cursor"]
    await play.gateway.services.reset.reset_mock_services()
    kari, silje = await play.person(), await play.person("silje")
    theirs = (await events_of(play, silje, VIEWER, 1))[0]["cursor"]

    for cursor in (ahead, theirs):
        (item,) = await events_of(play, kari, VIEWER, 1, after=cursor)
        assert (item["kind"], item["type"], item["change"]) == ("RESUME_GAP", "VIEWER", None)


async def test_a_cursor_older_than_what_is_kept_answers_a_gap(play: Play) -> None:
    kari = await play.person()
    old = (await events_of(play, kari, KYC, 1))[0]["cursor"]
    await kari.ask("mutation { startKyc { kyc { status } } }")

    await play.advance(days=32)

    (item,) = await events_of(play, kari, KYC, 1, after=old)
    assert (item["kind"], item["kyc"]["status"]) == ("RESUME_GAP", "APPROVED")


@pytest.mark.parametrize("cursor", ["", "x", "YWJj", "é", "OjE=", "YTotMQ==", "x" * 10_000])
async def test_what_is_no_cursor_is_an_error(play: Play, cursor: str) -> None:
    kari = await play.person()
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(KYC, after=cursor)
        received = await socket.receive()

    errors = received["payload"] if received["type"] == "error" else received["payload"]["errors"]
    assert errors[0]["extensions"]["code"] == "INVALID_CURSOR"


async def test_somebody_elses_payment_ends_with_not_found(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    silje = await play.person("silje")

    async with socket_of(play, silje) as socket:
        await opened(socket)
        await socket.subscribe(FOLLOW, id=payment["id"])
        received, completed = await socket.receive(), await socket.receive()

    assert received["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert completed["type"] == "complete"


async def test_signed_out_a_stream_is_unauthenticated(play: Play) -> None:
    async with socket_of(play) as socket:
        await opened(socket)
        await socket.subscribe(KYC)
        received = await socket.receive()

    assert received["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_ended_session_closes_its_sockets_with_4401(play: Play) -> None:
    kari = await play.person()
    async with socket_of(play, kari) as idle, socket_of(play, kari) as busy:
        await opened(idle)
        await opened(busy)
        await busy.subscribe(KYC)
        await busy.item()

        await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})

        for socket in (idle, busy):
            received = await socket.receive()
            while received["type"] not in ("websocket.close",):
                received = await socket.receive()
            assert received["code"] == 4401


async def test_an_ended_session_ends_its_event_streams(play: Play) -> None:
    kari = await play.person()
    lines: list[str] = []
    with fail_after(10):
        async with event_stream(play, kari, KYC) as stream:
            async for line in stream:
                lines.append(line)
                if '"SNAPSHOT"' in line:
                    await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})

    assert any("UNAUTHENTICATED" in line for line in lines)
    assert "event: complete" in lines


async def test_an_event_stream_without_events_says_that_it_lives(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routes.graphql.sse._COMMENT_EVERY_S", 0.01)
    kari = await play.person()
    comments = 0
    with fail_after(10):
        async with event_stream(play, kari, VIEWER) as stream:
            async for line in stream:
                comments += line == ":"
                if comments == 4:
                    await kari.ask("mutation { startKyc { kyc { status } } }")
                if '"PENDING"' in line:
                    break

    assert comments >= 4


async def test_the_sweep_finds_events_that_no_wake_up_announced(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    kari = await play.person()
    sweep = play.gateway.services.sweep
    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe(VIEWER)
        await socket.item()
        monkeypatch.setattr(play.gateway.infrastructure.fanout, "publish", lambda channel: None)

        await kari.ask("mutation { startKyc { kyc { status } } }")
        await sweep.look()
        found = await socket.item()
        await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})
        await sweep.look()

        assert (found["type"], found["kyc"]["status"]) == ("KYC", "PENDING")
        received = await socket.receive()
        while received["type"] != "websocket.close":
            received = await socket.receive()
        assert received["code"] == 4401


async def test_another_sites_page_cannot_open_a_socket(play: Play) -> None:
    kari = await play.person()

    async with socket_of(play, kari, origin="https://evil.example") as socket:
        assert (await socket.receive())["type"] == "websocket.close"


async def test_an_app_signs_its_socket_in_by_token(play: Play) -> None:
    tokens = await app_tokens(play.browser())

    async with socket_of(play, origin=None, init={"authorization": f"Bearer {tokens['access_token']}"}) as socket:
        await opened(socket)
        await socket.subscribe(KYC)
        assert (await socket.item())["kyc"] == {"status": "NOT_STARTED"}


@pytest.mark.parametrize("authorization", ["Bearer unknown", "Basic x", "", "x"])
async def test_a_wrong_token_closes_with_4401(play: Play, authorization: str) -> None:
    async with socket_of(play, origin=None, init={"authorization": authorization}) as socket:
        received = await socket.receive()

    assert (received["type"], received["code"]) == ("websocket.close", 4401)


async def test_a_subscription_by_get_is_not_allowed(play: Play) -> None:
    kari = await play.person()

    response = await kari.http.get(
        "/graphql", params={"query": KYC}, headers={"accept": "text/event-stream", "x-drop-csrf": "1"}
    )

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_queries_and_mutations_run_over_the_socket_too(play: Play) -> None:
    kari = await play.person()

    async with socket_of(play, kari) as socket:
        await opened(socket)
        await socket.subscribe("{ viewer { name } }")
        answer, completed = await socket.receive(), await socket.receive()

    assert answer["payload"] == {"data": {"viewer": {"name": "Kari Nordmann"}}}
    assert completed == {"id": "1", "type": "complete"}
