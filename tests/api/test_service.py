"""What the gateway runs on: mode, switches, the one clock, and what operators are told."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from db.tables.all import METADATA
from domain.alert import Alert, Severity
from providers.errors.off import NoCapture
from services.incidents import Incidents
from tests.api.test_upload import stored
from tests.builders.cards import charges, plan_of, subscribe
from tests.builders.gateway import CONNECT, Play, StandingClock, a_payment, nodes, pay, payment_of, playing
from tests.builders.line import Line
from tests.builders.own_secrets import OWN
from tests.conftest import NOON

STATUS = "{ serviceStatus { mode isBankidMock providers { port isMock isAvailable banksAway } } }"


class Heard:
    """A channel that remembers."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def send(self, alert: Alert) -> None:
        self.alerts.append(alert)


class Slow(Heard):
    """A channel that answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    async def send(self, alert: Alert) -> None:
        self.began.set()
        await self.may_end.wait()
        await super().send(alert)


class Machine:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_every_provider_is_a_mock_and_answers(play: Play) -> None:
    status = (await play.browser().ask(STATUS))["serviceStatus"]

    assert (status["mode"], status["isBankidMock"]) == ("MOCK", True)
    providers = {one["port"]: one for one in status["providers"]}
    assert set(providers) >= {"IDENTITY", "KYC", "OPEN_BANKING", "CARD_PAYMENTS", "EMAIL", "SMS", "STORAGE"}
    assert all(one["isAvailable"] for one in providers.values())


async def test_the_served_schema_says_where_to_begin(play: Play) -> None:
    answer = await play.browser().ask("{ __schema { description } }")

    assert "Where to begin" in answer["__schema"]["description"]


async def test_a_vendor_that_failed_too_often_is_shown(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    line = Line(play.gateway.sandbox)
    line.cut()
    for _ in range(2):
        await subscribe(kari)
    line.mend()

    providers = (await kari.ask(STATUS))["serviceStatus"]["providers"]

    assert [one["port"] for one in providers if not one["isAvailable"]] == ["CARD_PAYMENTS"]


async def test_a_bank_that_failed_too_often_is_shown_and_the_others_go_on(play: Play) -> None:
    kari = await play.approved()
    await play.settle()
    line = Line(play.gateway.sandbox)
    line.is_silent_to(b"bank_dnb")
    for _ in range(5):
        away = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
        assert [error["code"] for error in away["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
    sent = line.requests

    providers = (await kari.ask(STATUS))["serviceStatus"]["providers"]
    others = (await kari.ask(CONNECT, bank="bank_nordea"))["connectBank"]
    line.mend()
    still = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]

    assert [one["port"] for one in providers if not one["isAvailable"]] == []
    assert {one["port"]: one["banksAway"] for one in providers}["OPEN_BANKING"] == ["bank_dnb"]
    assert (others["userErrors"], others["bankLink"]["status"]) == ([], "AWAITING_AUTHORISATION")
    assert [error["code"] for error in still["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
    assert line.requests == sent + 1


async def test_a_declined_card_opens_no_breaker(play: Play) -> None:
    kari = await play.approved()
    for _ in range(7):
        declined = (await subscribe(kari, "pm_card_visa_chargeDeclined"))["planSubscription"]
        assert declined["failure"]["code"] == "CARD_DECLINED"
        assert (await subscribe(kari, "pm_card_unheard_of"))["userErrors"][0]["code"] == "INVALID_PAYMENT_METHOD"

    assert (await subscribe(kari))["planSubscription"]["status"] == "ACTIVE"


class TestAlerts:
    @pytest.fixture
    def heard(self) -> Heard:
        return Heard()

    @pytest.fixture
    def machine(self) -> Machine:
        return Machine()

    @pytest.fixture
    def incidents(self, heard: Heard, machine: Machine) -> Incidents:
        return Incidents(heard, NoCapture(), StandingClock(NOON), monotonic=machine)

    async def test_more_than_five_errors_in_a_minute_are_one_alert_in_ten(
        self, incidents: Incidents, heard: Heard, machine: Machine
    ) -> None:
        for second in range(5):
            machine.now = second
            incidents.error()
        await incidents.drain()
        assert heard.alerts == []
        for second in (5, 6, 7, 300, 301):
            machine.now = second
            incidents.error()
        await incidents.drain()

        assert [(one.title, one.message) for one in heard.alerts] == [
            ("Error spike detected", "6 errors in the last 60 seconds")
        ]
        for second in range(606, 612):
            machine.now = second
            incidents.error()
        await incidents.drain()
        assert len(heard.alerts) == 2

    async def test_an_alert_under_way_at_the_stop_is_sent_after_all(self, machine: Machine) -> None:
        slow = Slow()
        incidents = Incidents(slow, NoCapture(), StandingClock(NOON), monotonic=machine)
        incidents.alert(Severity.WARNING, "Dead message", "welcome ntf_1 was not sent")
        running = asyncio.create_task(incidents.run())
        await slow.began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        slow.may_end.set()
        await incidents.drain()

        assert [one.title for one in slow.alerts] == ["Dead message"]

    async def test_a_channel_that_never_answers_holds_no_stop_up(self, machine: Machine) -> None:
        incidents = Incidents(Slow(), NoCapture(), StandingClock(NOON), monotonic=machine)
        for title in ("one", "two"):
            incidents.alert(Severity.WARNING, title, "never arrives")
        with capture_logs() as logs:
            await incidents.drain(within_s=0.01)

        assert [line["event"] for line in logs] == ["alerts_not_sent"]

    async def test_errors_that_are_far_apart_are_no_alert(
        self, incidents: Incidents, heard: Heard, machine: Machine
    ) -> None:
        for minute in range(20):
            machine.now = 60 * minute
            incidents.error()
        await incidents.drain()

        assert heard.alerts == []

    async def test_an_unhandled_exception_is_critical_and_says_no_more_than_its_kind(
        self, incidents: Incidents, heard: Heard
    ) -> None:
        reference = incidents.unhandled(ValueError("01018012345"), where="/api/health")
        await incidents.drain()

        (alert,) = heard.alerts
        assert (alert.severity, alert.title) == (Severity.CRITICAL, "Unhandled exception")
        assert alert.message == f"ValueError in /api/health, {reference}"

    def test_the_text_is_as_the_product_fixes_it(self) -> None:
        at = datetime(2026, 11, 24, 12, 5, 59, tzinfo=UTC)
        alert = Alert(Severity.CRITICAL, "Error spike detected", "8 errors in the last 60 seconds", at)

        assert alert.text("production").splitlines() == [
            "🚨 Drop Production Alert — Critical",
            "Title: Error spike detected",
            "Message: 8 errors in the last 60 seconds",
            "Time: 2026-11-24 12:05 UTC",
        ]


async def test_start_stop_and_what_was_left_unmatched_are_told(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with playing(database_url, tmp_path, NOON) as play:
        kari = await play.approved()
        await subscribe(kari)
        await play.settle()
        async with play.gateway.infrastructure.database.write_engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM ledger_entry")
            await connection.exec_driver_sql("DELETE FROM plan_invoice")
            await connection.exec_driver_sql("DELETE FROM plan_subscription")
        await play.advance(days=32)

    told = capsys.readouterr().err
    for title in ("Title: Gateway started", "Title: Unmatched webhook", "Title: Gateway stopped"):
        assert told.count(title) == 1
    assert "ℹ️ Drop Development Alert — Information" in told


async def test_an_unforeseen_error_gives_a_reference_and_an_alert_and_says_nothing_else(
    play: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE webhook_event")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(play.app), base_url="http://localhost:8000") as http:
        response = await http.get("/api/operator/webhooks")
    await play.gateway.services.incidents.drain()

    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "INTERNAL")
    assert "webhook_event" not in response.text
    told = capsys.readouterr().err
    assert "Title: Unhandled exception" in told
    assert problem["detail"].rpartition(" ")[2] in told


class TestTheClock:
    async def test_half_a_year_passes_in_order_and_the_same_on_every_run(
        self, migrated_sqlite: Path, tmp_path: Path
    ) -> None:
        runs = []
        for number in (1, 2):
            folder = tmp_path / str(number)
            folder.mkdir()
            database = folder / "drop.sqlite3"
            shutil.copy(migrated_sqlite, database)
            async with playing(f"sqlite:///{database}", folder, NOON) as play:
                runs.append(await self.half_a_year(play))

        assert runs[0] == runs[1]
        bank_link, plan, payment, sent = runs[0]
        assert bank_link == "EXPIRED"
        assert plan == ("ACTIVE", 7)
        assert payment == "SETTLED"
        assert [one for one in sent if "Faktura" in one] != []
        assert "Forny tilgangen til DNB" in sent

    async def half_a_year(self, play: Play) -> tuple[str, tuple[str, int], str, list[str]]:
        kari, account = await play.banked()
        await subscribe(kari)
        scheduled = (await pay(kari, a_payment(account, executionDate="2027-03-01")))["payment"]
        await kari.press(scheduled["authorisationUrl"], "approve")

        response = await kari.http.post("/api/mock/clock", data={"advance": "181d"})

        assert datetime.fromisoformat(response.json()["now"]) == NOON + timedelta(days=181, seconds=3)
        viewer = (await kari.ask("{ viewer { name bankLinks { edges { node { status } } } } }"))["viewer"]
        plan = await plan_of(kari)
        assert plan is not None
        assert len(await charges(play)) == len(nodes(plan["invoices"]))
        page = (await kari.http.get("/sandbox/outbox")).text
        subjects = [part.split("</h3>")[0] for part in page.split("<h3>")[1:]]
        payment = await payment_of(kari, scheduled["id"])
        return (
            nodes(viewer["bankLinks"])[0]["status"],
            (plan["status"], len(nodes(plan["invoices"]))),
            payment["status"],
            subjects,
        )

    async def test_next_goes_to_what_falls_due_next(self, play: Play) -> None:
        kari = await play.person()
        await play.settle()
        before = (await kari.http.get("/api/mock/clock")).json()

        moved = (await kari.http.post("/api/mock/clock", data={"advance": "next"})).json()

        assert before["nextDue"] == moved["now"] > before["now"]
        assert moved["aheadSeconds"] == before["aheadSeconds"] + 1

    @pytest.mark.parametrize("by", ["", "tomorrow", "-1d", "1y", "99999999d", "1.5h"])
    async def test_what_is_no_duration_is_refused(self, play: Play, by: str) -> None:
        response = await play.browser().http.post("/api/mock/clock", data={"advance": by})

        assert (response.status_code, response.json()["code"]) == (400, "INVALID_DURATION")

    async def test_whatever_the_referer_says_the_bar_leads_back_to_the_sandbox(self, play: Play) -> None:
        for referer in ("https://[x", "https://evil.example/x", "http://localhost:8000/sandbox/clock"):
            headers = {"accept": "text/html", "referer": referer}
            moved = await play.browser(**headers).http.post("/api/mock/clock", data={"advance": "1h"})
            assert moved.status_code == 303
            assert moved.headers["location"].startswith("/sandbox/")

    async def test_another_site_moves_no_clock(self, play: Play) -> None:
        response = await play.browser(origin="https://evil.example").http.post(
            "/api/mock/clock", data={"advance": "1d"}
        )

        assert response.status_code == 403

    async def test_the_sandboxs_bar_moves_it_and_comes_back(self, play: Play) -> None:
        browser = play.browser(accept="text/html", referer="http://localhost:8000/sandbox/outbox")

        response = await browser.http.post("/api/mock/clock", data={"advance": "30d"})
        page = await browser.http.get(response.headers["location"])

        assert response.headers["location"] == "/sandbox/outbox"
        assert "Thu 24 Dec 2026, 12:00:00 UTC" in page.text


async def test_beside_a_real_vendor_no_clock_moves_and_nothing_is_wiped(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON) as mocked:
        await mocked.advance(days=1)
    real: dict[str, Any] = {"geocoding_provider": "google", "google_maps_api_key": "AIza-1", **OWN}
    async with playing(database_url, tmp_path, NOON, **real) as play:
        browser = play.browser()
        moved = await browser.http.post("/api/mock/clock", data={"advance": "1d"})
        wiped = await browser.http.post("/api/mock/reset")
        now = (await browser.http.get("/api/mock/clock")).json()["now"]
        providers = (await browser.ask(STATUS))["serviceStatus"]["providers"]

    assert (moved.status_code, wiped.status_code) == (403, 403)
    assert datetime.fromisoformat(now) == NOON
    assert {one["port"] for one in providers if not one["isMock"]} == {"ALERTS", "ERRORS", "GEOCODING"}


async def test_a_reset_empties_every_vendor_and_every_table_and_puts_the_clock_back(play: Play) -> None:
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    await subscribe(kari)
    await stored(play, kari)
    await play.advance(days=1)

    assert (await kari.http.post("/api/mock/reset")).json() == {"status": "ok"}

    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        for table in METADATA.sorted_tables:
            count = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            # The clock's offset, the worker that still runs, and the next purge.
            assert count == (table.name in ("clock_offset", "worker_heartbeat", "job")), table.name
    health = await kari.http.get("/api/health")
    assert (health.status_code, health.json()["checks"]["worker"]) == (200, "ok")
    assert await charges(play) == await play.ledger() == []
    for page in ("files", "outbox", "webhooks"):
        assert 'class="empty"' in (await kari.http.get(f"/sandbox/{page}")).text
    now = (await kari.http.get("/api/mock/clock")).json()["now"]
    assert datetime.fromisoformat(now) == NOON
    again = await play.approved()
    assert (await subscribe(again))["planSubscription"]["status"] == "ACTIVE"


async def test_the_service_tells_its_time_which_mock_mode_moves(play: Play) -> None:
    await play.advance(days=3)

    now = (await play.browser().ask("{ serviceStatus { now } }"))["serviceStatus"]["now"]

    assert datetime.fromisoformat(now) == play.gateway.clock.now()
