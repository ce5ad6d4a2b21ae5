"""The contracts of what operators have: alerts, error capture, uptime monitoring."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from domain.alert import Alert, Severity
from domain.uptime import ChangeKind, UptimePlan, uptime_plan
from providers.alerts import slack
from providers.alerts.console import ConsoleAlerts
from providers.alerts.port import AlertChannel
from providers.calling.guard import Guard
from providers.errors.off import NoCapture
from providers.errors.port import ErrorCapture
from providers.errors.sentry import SentryCapture
from providers.uptime import betterstack
from providers.uptime.mock import MockUptime
from providers.uptime.port import UptimeMonitoring
from tests.builders.counterpart import answer, counterpart
from tests.contract.conftest import NOON
from tests.vendors import betterstack as face

# Nobody listens there.
GONE = "http://key@127.0.0.1:9/1"


@dataclass
class Channel:
    """An adapter, and what has arrived where it sends."""

    alerts: AlertChannel
    arrived: Callable[[], str]


@pytest.fixture(params=["console", "slack"])
async def channel(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Channel]:
    if request.param == "console":
        yield Channel(ConsoleAlerts("production"), lambda: capsys.readouterr().err.removesuffix("\n"))
        return
    async with counterpart(answer(200, "ok")) as vendor, httpx.AsyncClient() as http:
        guard = Guard("alerts", slack.RESILIENCE, slack.RETRIED)
        adapter = slack.SlackAlerts(http, guard, url=vendor.url, environment="production")
        yield Channel(adapter, lambda: str(vendor.requests[0].json["text"]))


@pytest.fixture(params=["off", "sentry"])
async def capture(request: pytest.FixtureRequest) -> AsyncIterator[ErrorCapture]:
    adapter = NoCapture() if request.param == "off" else SentryCapture(dsn=GONE, environment="test", release="x@1")
    yield adapter
    await adapter.close()


@pytest.fixture(params=["mock", "betterstack"])
async def uptime(request: pytest.FixtureRequest) -> AsyncIterator[UptimeMonitoring]:
    if request.param == "mock":
        yield MockUptime()
        return
    transport = httpx.ASGITransport(face.app(face.BetterStack()))
    async with httpx.AsyncClient(transport=transport) as http:
        guard = Guard("uptime", betterstack.RESILIENCE, betterstack.RETRIED)
        yield betterstack.BetterStack(http, guard, token=face.TOKEN, environment="test", base_url="http://vendor")


@pytest.fixture
def wanted() -> UptimePlan:
    return uptime_plan(
        public_url="https://api.drop.example",
        landing_url="https://drop.example",
        email="oncall@drop.example",
        phone="+4740000000",
        status_page="drop",
    )


async def test_an_alert_arrives_as_the_product_words_it(channel: Channel) -> None:
    await channel.alerts.send(Alert(Severity.WARNING, "Dead message", "welcome ntf_1 was not sent", NOON))

    assert channel.arrived() == (
        "⚠️ Drop Production Alert — Warning\n"
        "Title: Dead message\n"
        "Message: welcome ntf_1 was not sent\n"
        "Time: 2026-11-24 12:00 UTC"
    )


async def test_capturing_never_raises_and_holds_nobody_up(capture: ErrorCapture) -> None:
    capture.capture(ValueError("01018012345"), reference="r")


async def test_the_plan_has_three_monitors_the_escalation_and_the_page(
    uptime: UptimeMonitoring, wanted: UptimePlan
) -> None:
    changes = await uptime.plan(wanted)

    assert {change.kind for change in changes} == {ChangeKind.CREATE}
    assert sum(change.what.startswith("monitor ") for change in changes) == 3
    (policy,) = [change.detail for change in changes if change.what == "escalation policy"]
    assert policy == "0 min SLACK, 5 min EMAIL oncall@drop.example, 15 min SMS +4740000000"


async def test_applying_is_safe_to_repeat_and_changes_what_differs(
    uptime: UptimeMonitoring, wanted: UptimePlan
) -> None:
    assert len(await uptime.apply(wanted)) == 5
    assert await uptime.apply(wanted) == []

    moved = replace(wanted, monitors=wanted.monitors[:2], status_page="drop")
    kinds = [(change.kind, change.what) for change in await uptime.apply(moved)]

    assert (ChangeKind.DELETE, "monitor Drop API from US East") in kinds
    assert (ChangeKind.UPDATE, "status page drop") in kinds
