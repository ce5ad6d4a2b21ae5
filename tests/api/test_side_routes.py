"""Health, problem documents, the OpenAPI document, open banking webhooks and the reset."""

import asyncio
import hashlib
import hmac
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from starlette.routing import Route

from db.tables.job import WorkerHeartbeatRow
from tests.builders.gateway import Play, a_payment, as_json, pay, payment_of, playing
from tests.conftest import NOON


def signed(raw: bytes, *, secret: str = "mock-mode-only", age: timedelta = timedelta()) -> dict[str, str]:
    at = int((NOON + timedelta(seconds=3) - age).timestamp())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"x-ob-signature": f"t={at},v1={digest}", "content-type": "application/json"}


def bank_event(**changes: object) -> bytes:
    body = {"eventId": "obe-test", "type": "payment.status", "occurredAt": "2026-11-24T12:00:00Z", "paymentId": "obp-x"}
    return as_json({**body, **changes})


async def outcomes(play: Play) -> list[tuple[str, str]]:
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        found = await connection.execute(text("SELECT status, outcome FROM webhook_event ORDER BY id"))
        return [(row.status, row.outcome) for row in found]


async def test_health_has_a_check_per_dependency(play: Play) -> None:
    http = play.browser().http
    await play.settle()

    health = await http.get("/api/health")

    assert health.status_code == 200
    assert health.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "worker": "ok", "sandbox": "ok"},
    }
    assert (await http.get("/api/health/live")).json() == {"status": "ok"}
    assert (await http.get("/api/health/ready")).json() == {"status": "ok"}


async def test_a_missing_migration_is_down_and_not_ready(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    http = play.browser().http
    await play.settle()

    health = await http.get("/api/health")

    assert (health.status_code, health.json()["status"]) == (503, "down")
    assert health.json()["checks"]["migrations"] == "down"
    assert (await http.get("/api/health/ready")).status_code == 503


async def test_a_release_stays_ready_while_a_later_one_has_migrated(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        later = "UPDATE alembic_version SET version_num = '9999', oldest_code = '0025'"
        await connection.execute(text(later))
    await play.settle()

    assert (await play.browser().http.get("/api/health/ready")).status_code == 200


async def test_a_release_that_the_database_is_too_new_for_is_not_ready(play: Play) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        later = "UPDATE alembic_version SET version_num = '9999', oldest_code = '9999'"
        await connection.execute(text(later))
    await play.settle()

    assert (await play.browser().http.get("/api/health/ready")).status_code == 503


@pytest.mark.parametrize(("away", "status"), [(timedelta(seconds=119), 200), (timedelta(seconds=121), 503)])
async def test_without_a_worker_health_is_down_after_two_minutes_and_serve_stays_ready(
    play: Play, away: timedelta, status: int
) -> None:
    await play.settle()
    seen_at = play.gateway.infrastructure.machine_clock.now() - away
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(update(WorkerHeartbeatRow).values(seen_at=seen_at))

    http = play.browser().http

    assert (await http.get("/api/health")).status_code == status
    assert (await http.get("/api/health/ready")).status_code == 200


async def test_every_side_route_is_in_the_openapi_document(play: Play) -> None:
    document = (await play.browser().http.get("/openapi.json")).json()
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {
        (route.path, method)
        for route in play.app.routes
        if isinstance(route, Route) and route.path not in ("/graphql", "/openapi.json")
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert served == described


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("PUT", "/api/health", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/webhooks/unknown", 404, "NOT_FOUND"),
        ("POST", "/api/webhooks/openbanking", 401, "BAD_SIGNATURE"),
        ("GET", "/api/kyc/initiate", 401, "UNAUTHENTICATED"),
        ("GET", "/auth/bankid/login?client=tv", 400, "INVALID_CLIENT"),
    ],
)
async def test_an_error_is_a_problem_document(play: Play, method: str, path: str, status: int, code: str) -> None:
    response = await play.browser().http.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ob-signature": ""},
        {"x-ob-signature": "t=1,v1=" + "0" * 64},
        {"x-ob-signature": "v1=x"},
        signed(bank_event(), secret="another"),
        signed(bank_event(), age=timedelta(minutes=6)),
        signed(bank_event(), age=-timedelta(minutes=6)),
        signed(bank_event(eventId="another")),
    ],
)
async def test_a_webhook_without_a_fresh_signature_of_its_body_is_refused(play: Play, headers: dict[str, str]) -> None:
    await play.advance(seconds=3)
    response = await play.browser().http.post("/api/webhooks/openbanking", content=bank_event(), headers=headers)

    assert (response.status_code, response.json()["code"]) == (401, "BAD_SIGNATURE")
    assert await outcomes(play) == []


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"nonsense", bank_event(occurredAt="yesterday"), bank_event(eventId="")]
)
async def test_a_signed_webhook_that_cannot_be_read_is_a_400(play: Play, raw: bytes) -> None:
    await play.advance(seconds=3)
    response = await play.browser().http.post("/api/webhooks/openbanking", content=raw, headers=signed(raw))

    assert (response.status_code, response.json()["code"]) == (400, "BAD_WEBHOOK")


async def test_a_webhook_changes_nothing_by_itself(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    raw = bank_event(paymentId="obp-000001", transactionStatus="ACSC")

    for _ in range(3):
        response = await kari.http.post("/api/webhooks/openbanking", content=raw, headers=signed(raw))
        assert response.status_code == 202
    await play.settle()

    assert (await payment_of(kari, payment["id"]))["status"] == "AUTHORISATION_REQUIRED"
    assert (await outcomes(play)).count(("IGNORED", "the payment is AUTHORISATION_REQUIRED already")) == 1


async def test_a_webhook_of_an_unknown_object_is_parked_and_then_kept_unmatched(play: Play) -> None:
    await play.advance(seconds=3)
    raw = bank_event()
    await play.browser().http.post("/api/webhooks/openbanking", content=raw, headers=signed(raw))

    await play.settle()
    parked = await outcomes(play)
    await play.advance(minutes=6)

    assert parked == [("PARKED", "names nothing we know; tried again in 1 s")]
    assert await outcomes(play) == [("UNMATCHED", "names nothing we know")]


async def test_every_webhook_sent_again_changes_nothing(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await play.advance(seconds=1)
    before = await payment_of(kari, payment["id"])
    page = (await kari.http.get("/sandbox/webhooks")).text
    numbers = [part.split('"')[0] for part in page.split('action="/sandbox/webhooks/')[1:]]
    assert len(numbers) >= 4

    for number in numbers:
        assert (await kari.http.post(f"/sandbox/webhooks/{number}")).status_code == 303
    await play.settle()

    assert await payment_of(kari, payment["id"]) == before
    assert len(await play.ledger()) == 1


async def test_a_reset_empties_everything_and_puts_the_clock_back(play: Play) -> None:
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    await play.advance(days=3)

    response = await kari.http.post("/api/mock/reset", headers={"accept": "text/html"})

    assert (response.status_code, response.headers["location"]) == (303, "/sandbox/")
    assert await kari.ask("{ viewer { id } }") == {"viewer": None}
    assert await play.ledger() == []
    assert play.gateway.clock.now() == NOON
    again = await play.person()
    viewer = (await again.ask("{ viewer { kyc { status } payments { edges { cursor } } } }"))["viewer"]
    assert viewer == {"kyc": {"status": "NOT_STARTED"}, "payments": {"edges": []}}


async def test_another_site_cannot_reset(play: Play) -> None:
    response = await play.browser(origin="https://evil.example").http.post("/api/mock/reset")

    assert response.status_code == 403


async def test_every_answer_carries_security_headers(play: Play) -> None:
    response = await play.browser().http.get("/sandbox/")
    headers: Any = response.headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-request-id"]


async def test_a_full_process_says_when_to_come_again(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, requests_at_once=2) as play:
        kari = await play.person()
        slow = {"x-drop-scenario": "vendor-slow"}
        start = {"query": "mutation { startKyc { kyc { status } } }"}
        inside = [asyncio.create_task(kari.http.post("/graphql", json=start, headers=slow)) for _ in range(2)]
        await asyncio.sleep(0)

        refused = await play.browser().http.post("/graphql", json={"query": "{ banks { id } }"})
        health = await play.browser().http.get("/api/health/live")
        answered = [one.status_code for one in await asyncio.gather(*inside)]
        later = await play.browser().http.post("/graphql", json={"query": "{ banks { id } }"})

    assert (refused.status_code, refused.headers["retry-after"], refused.json()["code"]) == (503, "1", "OVERLOADED")
    assert (health.status_code, answered, later.status_code) == (200, [200, 200], 200)


BROKEN_FORMS = {
    "not UTF-8": (b"advance=%ff", 400),
    "bytes that are not UTF-8": (b"advance=\xff", 400),
    "a repeated parameter": (b"advance=1h&advance=2h", 400),
    "too many parameters": (b"&".join(b"p%d=1" % index for index in range(21)), 400),
    "too large": (b"advance=" + b"1" * 17_000, 413),
    "another media type": (b'{"advance": "1h"}', 400),
}


@pytest.mark.parametrize("broken", BROKEN_FORMS)
@pytest.mark.parametrize("path", ["/auth/token", "/api/mock/clock", "/api/operator/payments/pay_1/resolve"])
async def test_a_broken_form_is_told_by_every_door_alike(play: Play, path: str, broken: str) -> None:
    body, status = BROKEN_FORMS[broken]
    media_type = "application/json" if broken == "another media type" else "application/x-www-form-urlencoded"

    refused = await play.browser().http.post(path, content=body, headers={"content-type": media_type})

    told = {"/auth/token": "invalid_request"}.get(path, "INVALID_FORM") if status == 400 else "BODY_TOO_LARGE"
    assert (refused.status_code, refused.json()["code"]) == (status, told)
    assert refused.headers["content-type"] == "application/problem+json"
