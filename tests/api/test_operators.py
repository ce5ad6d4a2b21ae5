"""Queued work and figures, as operators see them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, text, update
from sqlmodel import col

from db.tables.event import WebhookEventRow
from db.tables.job import JobRow
from db.tables.notification import NotificationRow
from gateway.app import Role, create_app
from gateway.settings.check import load_settings
from gateway.settings.settings import settings_class
from services.operations.retention import PURGES
from tests.builders.gateway import BASE, Play, a_payment, pay, playing
from tests.builders.line import Line
from tests.conftest import NOON

JOBS = "/api/operator/jobs"


async def test_what_is_blocked_is_shown_and_tried_again(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE job SET status = 'BLOCKED', attempts = 12, last_error = 'Unavailable'"))
    operator = play.browser().http
    (blocked,) = (await operator.get(JOBS)).json()["jobs"]
    none = (await operator.get(JOBS, params={"which": "queued"})).json()["jobs"]

    replayed = await operator.post(f"{JOBS}/{blocked['id']}/replay")
    again = await operator.post(f"{JOBS}/{blocked['id']}/replay")
    (queued,) = (await operator.get(JOBS, params={"which": "queued"})).json()["jobs"]
    await play.settle()
    (following,) = (await operator.get(JOBS, params={"which": "queued"})).json()["jobs"]

    assert (blocked["kind"], blocked["attempts"], blocked["lastError"]) == ("purge", 12, "Unavailable")
    assert none == []
    assert (replayed.status_code, again.status_code) == (202, 404)
    assert (queued["id"], queued["attempts"]) == (blocked["id"], 0)
    assert following["id"] != blocked["id"]


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("POST", f"{JOBS}/%00/replay", "job"),
        ("POST", "/api/operator/webhooks/%00/replay", "webhook"),
        ("POST", "/api/operator/notifications/%00/replay", "notification"),
        ("GET", "/api/operator/payments/%00/timeline", "payment"),
        ("POST", "/api/operator/payments/pay_%00/resolve", "payment"),
    ],
)
async def test_what_cannot_be_an_id_is_unknown(play: Play, method: str, path: str, field: str) -> None:
    answer = await play.browser().http.request(method, path, json={"outcome": "FAILED", "reason": "told by phone"})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (404, "NOT_FOUND", [field])


async def test_all_blocked_jobs_of_a_kind_are_tried_again(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE job SET status = 'BLOCKED', blocked_by = 'old' WHERE kind = 'purge'"))
    operator = play.browser().http
    figures = (await operator.get("/metrics")).text

    replayed = await operator.post(f"{JOBS}/replay", data={"kind": "purge"})
    again = await operator.post(f"{JOBS}/replay", data={"kind": "purge"})
    await play.settle()

    assert 'drop_jobs_blocked{kind="purge"} 1.0' in figures
    assert (replayed.status_code, replayed.json()) == (202, {"queued": 1})
    assert (again.status_code, again.json()["field"]) == (404, ["kind"])
    assert (await operator.get(JOBS)).json()["jobs"] == []


async def test_another_choice_is_refused(play: Play) -> None:
    refused = await play.browser().http.get(JOBS, params={"which": "all"})

    assert (refused.status_code, refused.json()["field"]) == (400, ["which"])


async def test_the_figures_tell_what_waits_and_what_is_in_doubt(play: Play) -> None:
    kari, account = await play.banked()
    line = Line(play.gateway.sandbox)
    line.harm(at=2, after=httpx.ReadTimeout("the answer was lost"))  # the first reads the balance
    await pay(kari, a_payment(account))
    line.mend()
    await kari.ask("{ mine: viewer { name } }")
    await play.person("lars")  # whom a mail and a vendor's customer await

    shown = (await play.browser().http.get("/metrics")).text
    figures = dict(row.rsplit(" ", 1) for row in shown.splitlines() if not row.startswith("#"))

    assert figures["drop_payments_in_doubt"] == "1.0"
    assert not [name for name in figures if name.startswith("drop_jobs_blocked")]
    assert float(figures["drop_jobs_due"]) > 0
    assert 0 <= float(figures['drop_oldest_row_seconds{row="bank payment",status="CREATED"}']) < 60
    assert float(figures['drop_greatest_age_seconds{row="bank payment",status="CREATED"}']) == 3600
    assert figures['drop_breaker_open{bank="",port="open_banking"}'] == "0.0"
    asked = 'drop_graphql_seconds_count{field="%s",outcome="answered",type="%s"}'
    assert float(figures[asked % ("viewer", "query")]) >= 1
    assert float(figures[asked % ("initiatePayment", "mutation")]) >= 1
    assert not [name for name in figures if "mine" in name]


async def failures(http: httpx.AsyncClient) -> tuple[float, float]:
    """How many operations and answers have failed by our own fault, in this process so far."""
    shown = (await http.get("/metrics")).text.splitlines()
    figures = dict(row.rsplit(" ", 1) for row in shown if not row.startswith("#"))
    operations = [
        name for name in figures if 'outcome="failed"' in name and name.startswith("drop_graphql_seconds_count")
    ]
    answers = [name for name in figures if name.startswith("drop_http_failures_total") and "503" not in name]
    return sum(float(figures[name]) for name in operations), sum(float(figures[name]) for name in answers)


async def test_what_a_client_does_wrong_is_no_failure_of_ours(play: Play) -> None:
    kari, stranger = await play.approved(), play.browser()
    payments = "{ viewer { payments(first: 1) { edges { node { id } } } } }"
    before = await failures(kari.http)
    for query in (
        payments,
        "{ nothing }",
        "{",
        'mutation { cancelPayment(input: {paymentId: "x"}) { payment { id } } }',
    ):
        await stranger.http.post("/graphql", json={"query": query})
    at_clients = await failures(kari.http)
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE payment RENAME COLUMN rail TO gone")
        await connection.exec_driver_sql("DROP TABLE webhook_event")

    await kari.http.post("/graphql", json={"query": payments})
    transport = httpx.ASGITransport(play.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        await http.get("/api/operator/webhooks")

    assert at_clients == before
    assert await failures(kari.http) == (before[0] + 1, before[1] + 1)


async def test_what_the_alerts_ask_for_is_measured(play: Play) -> None:
    await play.settle()
    http = play.browser().http
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        late = play.gateway.clock.now() - timedelta(hours=7)
        await connection.execute(update(JobRow).where(col(JobRow.row_id) == PURGES).values(due_at=late))

    shown = (await http.get("/metrics")).text
    figures = dict(row.rsplit(" ", 1) for row in shown.splitlines() if not row.startswith("#"))

    assert figures["drop_worker_alive"] == "1.0"
    assert figures["drop_messages_dead"] == "0.0"
    assert float(figures["drop_audit_unsealed_seconds"]) >= 0
    assert float(figures["drop_purge_overdue_seconds"]) >= 7 * 3600
    assert 0 <= float(figures["drop_database_connections_used"]) <= 1


async def test_the_figures_are_the_operators(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, operator_token="t0ken") as play:
        http = play.browser().http
        refused = await http.get("/metrics")
        shown = await http.get("/metrics", headers={"authorization": "Bearer t0ken"})

    assert (refused.status_code, shown.status_code) == (401, 200)
    assert shown.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("token", ["", " "])
async def test_an_empty_token_opens_nothing(token: str, database_url: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "database_url": database_url,
        "sandbox_path": tmp_path / "sandbox.sqlite3",
        "operator_token": token,
    }
    app = create_app(settings_class()(_env_file=None, **given), runs_by_itself=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as http,
    ):
        answers = [
            await http.get(path, headers=headers)
            for path in (JOBS, "/metrics")
            for headers in ({}, {"authorization": f"Bearer {token}"}, {"authorization": "Bearer"})
        ]

    assert {answer.status_code for answer in answers} == {401}


async def test_a_worker_answers_operators_and_probes_and_nobody_else(database_url: str, tmp_path: Path) -> None:
    given = {"database_url": database_url, "sandbox_path": tmp_path / "sandbox.sqlite3", "operator_token": "t0ken"}
    app = create_app(load_settings(_env_file=None, **given), role=Role.WORKER, runs_by_itself=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as http,
    ):
        refused = await http.get("/metrics")
        shown = await http.get("/metrics", headers={"authorization": "Bearer t0ken"})
        alive = await http.get("/api/health/live")
        unknown = await http.get("/graphql")

    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    assert (shown.status_code, alive.status_code, unknown.status_code) == (200, 200, 404)


async def test_a_webhook_that_no_key_opens_is_listed_with_the_others(play: Play) -> None:
    rows = [
        {"id": f"whk_{key}", "provider": "mock", "event_key": key, "raw": raw, "received_at": NOON, "status": "PARKED"}
        for key, raw in (("1", b"{}"), ("2", b"\x01" + bytes(40)))
    ]
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(insert(WebhookEventRow), [{**row, "attempts": 0} for row in rows])

    answer = await play.browser().http.get("/api/operator/webhooks")

    assert [webhook["id"] for webhook in answer.json()["webhooks"]] == ["whk_2", "whk_1"]


async def test_a_message_that_no_key_opens_is_listed_with_the_others(play: Play) -> None:
    kari = await play.person()
    rows = [
        {"id": f"ntf_{number}", "user_id": (await kari.ask("{ viewer { id } }"))["viewer"]["id"], "data": data}
        for number, data in ((1, {}), (2, "enc:AXh4eHh5"))
    ]
    more = {"channel": "EMAIL", "template": "welcome", "locale": "nb", "vendor": "mock", "status": "DEAD"}
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(insert(NotificationRow), [{**row, **more, "created_at": NOON} for row in rows])

    answer = await play.browser().http.get("/api/operator/notifications")

    assert [message["id"] for message in answer.json()["notifications"]] == ["ntf_2", "ntf_1"]
