"""What is Better Stack's alone: paging, what is not ours, what went wrong half way."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from domain.errors import Unavailable
from domain.uptime import ChangeKind, UptimePlan, uptime_plan
from providers.calling.guard import Guard
from providers.uptime import betterstack
from providers.uptime.betterstack import BetterStack
from tests.builders.line import Line
from tests.vendors import betterstack as face

WANTED = uptime_plan(
    public_url="https://api.drop.example",
    landing_url="https://drop.example",
    email="oncall@drop.example",
    phone="+4740000000",
    status_page="drop",
)


@pytest.fixture
def vendor() -> face.BetterStack:
    return face.BetterStack()


@pytest.fixture
async def http(vendor: face.BetterStack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(face.app(vendor))) as http:
        yield http


def an_adapter(http: httpx.AsyncClient, *, environment: str = "production", token: str = face.TOKEN) -> BetterStack:
    guard = Guard("uptime", betterstack.RESILIENCE, betterstack.RETRIED, vendor="betterstack")
    return BetterStack(http, guard, token=token, environment=environment, base_url="http://vendor")


async def test_what_is_made_is_what_was_wanted(vendor: face.BetterStack, http: httpx.AsyncClient) -> None:
    await an_adapter(http).apply(WANTED)

    steps = next(iter(vendor.kept["policies"].values()))["steps"]
    assert [step["wait_before"] for step in steps] == [0, 300, 600]
    assert [step["step_members"][0]["type"] for step in steps] == ["all_slack_integrations", "user", "user"]
    watched = {one["pronounceable_name"]: one for one in vendor.kept["monitors"].values()}
    api = watched["[drop production] Drop API"]
    assert (api["monitor_type"], api["required_keyword"]) == ("keyword", '"status":"ok"')
    assert watched["[drop production] Drop landing page"]["expected_status_codes"] == [200]
    assert watched["[drop production] Drop API from US East"]["regions"] == ["us"]
    assert {one["public_name"] for one in vendor.kept["status-pages/8/resources"].values()} == {
        monitor.name for monitor in WANTED.monitors
    }


async def test_planning_makes_nothing(vendor: face.BetterStack, http: httpx.AsyncClient) -> None:
    assert len(await an_adapter(http).plan(WANTED)) == 5

    assert vendor.kept == {}


async def test_what_somebody_changed_there_is_changed_back_and_nothing_else(
    vendor: face.BetterStack, http: httpx.AsyncClient
) -> None:
    adapter = an_adapter(http)
    await adapter.apply(WANTED)
    made = vendor.made
    for monitor in vendor.kept["monitors"].values():
        if monitor["pronounceable_name"].endswith("landing page"):
            monitor["url"] = "https://elsewhere.example"

    changes = await adapter.apply(WANTED)

    assert [(change.kind, change.what) for change in changes] == [(ChangeKind.UPDATE, "monitor Drop landing page")]
    assert vendor.made == made
    assert await adapter.plan(WANTED) == []


async def test_what_does_not_carry_our_mark_stays(vendor: face.BetterStack, http: httpx.AsyncClient) -> None:
    theirs = {"url": "https://shop.example", "monitor_type": "status", "pronounceable_name": "Drop API"}
    vendor.create("monitors", theirs)
    staging = replace(WANTED, status_page="drop-staging")
    await an_adapter(http, environment="staging").apply(staging)

    await an_adapter(http).apply(WANTED)
    await an_adapter(http).apply(replace(WANTED, monitors=WANTED.monitors[:2]))

    names = sorted(one["pronounceable_name"] for one in vendor.kept["monitors"].values())
    assert len(names) == 1 + 3 + 2
    assert "Drop API" in names
    assert await an_adapter(http, environment="staging").plan(staging) == []


@pytest.mark.parametrize("call", range(1, 20))
async def test_a_line_that_breaks_anywhere_leaves_what_the_next_time_completes(
    vendor: face.BetterStack, http: httpx.AsyncClient, call: int
) -> None:
    line = Line(http)
    adapter = an_adapter(http)
    line.harm(at=call, after=httpx.ReadTimeout("lost"), times=4)
    try:
        await adapter.apply(WANTED)
    except Unavailable as error:
        assert "uptime" in error.message
    line.mend()

    await an_adapter(http).apply(WANTED)

    assert await adapter.plan(WANTED) == []
    assert {kind: len(found) for kind, found in vendor.kept.items() if "/" not in kind} == {
        "urgencies": 3,
        "policies": 1,
        "monitors": 3,
        "status-pages": 1,
    }


async def test_what_is_refused_is_named(http: httpx.AsyncClient, vendor: face.BetterStack) -> None:
    with pytest.raises(Unavailable, match="401"):
        await an_adapter(http, token="old").plan(WANTED)
    bad: UptimePlan = WANTED
    other = {"company_name": "x", "company_url": "https://x.example", "subdomain": "taken"}
    vendor.create("status-pages", other)
    await an_adapter(http).apply(replace(bad, status_page="taken"))
    assert len(vendor.kept["status-pages"]) == 1
