"""Slack's answers, and what goes wrong on the way: each a typed error, a metric, and no address in a log."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from structlog.testing import capture_logs

from domain.alert import Alert, Severity
from domain.errors import Unavailable
from providers.alerts import slack
from providers.calling.guard import Guard
from tests.builders.counterpart import HANG, answer, counterpart
from tests.contract.conftest import NOON

SECRET = "/services/T0/B0/the-credential"
ALERT = Alert(Severity.CRITICAL, "Error spike detected", "8 errors in the last 60 seconds", NOON)
OK = answer(200, "ok")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def channel(http: httpx.AsyncClient, url: str, *, timeout_s: float = 3) -> tuple[slack.SlackAlerts, Guard]:
    guard = Guard("alerts", replace(slack.RESILIENCE, timeout_s=timeout_s), slack.RETRIED)
    return slack.SlackAlerts(http, guard, url=f"{url}{SECRET}", environment="production"), guard


async def test_it_posts_text_and_blocks(http: httpx.AsyncClient) -> None:
    async with counterpart(OK) as vendor:
        await channel(http, vendor.url)[0].send(ALERT)

    below = "Title: Error spike detected\nMessage: 8 errors in the last 60 seconds\nTime: 2026-11-24 12:00 UTC"
    assert [heard.json for heard in vendor.requests] == [
        {
            "text": f"🚨 Drop Production Alert — Critical\n{below}",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "🚨 Drop Production Alert — Critical"}},
                {"type": "section", "text": {"type": "mrkdwn", "text": below}},
            ],
            "unfurl_links": False,
        }
    ]


async def test_what_comes_from_outside_rings_for_nobody_and_fits(http: httpx.AsyncClient) -> None:
    loud = replace(ALERT, title="<!channel> " + "&" * 5_000, message="<@U1> & " + ">" * 5_000)
    async with counterpart(OK) as vendor:
        await channel(http, vendor.url)[0].send(loud)

    section = vendor.requests[0].json["blocks"][1]["text"]["text"]
    assert len(section) <= 3_000
    assert "<" not in section + vendor.requests[0].json["text"]
    assert "Title: &lt;!channel&gt; &amp;" in section
    assert section.endswith("…\nTime: 2026-11-24 12:00 UTC")


@pytest.mark.parametrize("first", [answer(429, "rate_limited", retry_after="1"), answer(500, "rollup_error")])
async def test_trouble_that_passes_is_tried_again(http: httpx.AsyncClient, first: bytes) -> None:
    async with counterpart(first, OK) as vendor:
        await channel(http, vendor.url)[0].send(ALERT)

    assert len(vendor.requests) == 2


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(400, "invalid_payload"), "invalid_payload"),
        (answer(401, ""), "unknown"),
        (answer(403, "invalid_token"), "invalid_token"),
        (answer(404, "no_service"), "no_service"),
        (answer(409, "a_new_word"), "a_new_word"),
        (answer(410, "channel_is_archived"), "channel_is_archived"),
        (answer(302, "", location="https://elsewhere.example/"), "unknown"),
        (answer(200, "<html>Sign in to this network</html>", content_type="text/html"), "unknown"),
        (answer(200, "x" * 5_000_000), "unknown"),
    ],
)
async def test_a_no_is_said_once_and_opens_no_breaker(http: httpx.AsyncClient, said: bytes, reason: str) -> None:
    async with counterpart(said) as vendor:
        alerts, guard = channel(http, vendor.url)
        with capture_logs() as logs:
            for _ in range(6):
                with pytest.raises(Unavailable):
                    await alerts.send(ALERT)

    assert len(vendor.requests) == 6
    assert not guard.is_open
    assert {line["reason"] for line in logs} == {reason}
    assert "the-credential" not in str(logs)


@pytest.mark.parametrize(
    "said",
    [
        answer(429, "rate_limited"),
        answer(500, "rollup_error"),
        answer(503, "<html></html>"),
        answer(200, "ok")[:-1],
        b"not HTTP at all\r\n\r\n",
        b"",
        HANG,
    ],
)
async def test_trouble_that_lasts_opens_the_breaker(http: httpx.AsyncClient, said: bytes) -> None:
    async with counterpart(said) as vendor:
        alerts, guard = channel(http, vendor.url, timeout_s=0.1)
        with capture_logs() as logs:
            for _ in range(6):
                with pytest.raises(Unavailable) as failed:
                    await alerts.send(ALERT)
                assert "the-credential" not in repr(failed.value)

    assert guard.is_open
    assert len(vendor.requests) == slack.RESILIENCE.breaker_failures
    assert {line["event"] for line in logs} >= {"provider_call_failed"}
    assert "the-credential" not in str(logs)


async def test_nobody_listens(http: httpx.AsyncClient) -> None:
    async with counterpart(OK) as vendor:
        gone = vendor.url
    alerts, guard = channel(http, gone)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await alerts.send(ALERT)

    assert guard.is_open
