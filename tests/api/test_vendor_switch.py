"""From one open banking vendor to another and back, while consents live and payments are under way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from sqlmodel.ext.asyncio.session import AsyncSession
from structlog.testing import capture_logs

from db.vendor_use import vendor_use
from domain.ids import UserId
from gateway.assembly.clocks import SystemClock
from providers.calling.error_budget import ErrorBudget
from providers.vendors import Target
from sandbox.people import personas
from tests.api.test_bank_link import REFRESH, RENEW
from tests.builders.gateway import (
    BASE,
    CONNECT,
    Play,
    Player,
    a_payment,
    first_account,
    nodes,
    pay,
    payment_of,
    playing,
)
from tests.builders.port import started, stopped
from tests.builders.sandbox import Sandbox, sandbox_alone
from tests.builders.server import free_port
from tests.vendors import enable_banking, enable_banking_routes, open_payments, open_payments_routes

CALLBACK = f"{BASE}/api/openbanking/callback"
OPEN_PAYMENTS, ENABLE_BANKING = "open_payments", "enable_banking"
# By where each of them sends a browser.
PAGES = {OPEN_PAYMENTS: "/connect/authorize", ENABLE_BANKING: "/page/"}


@dataclass
class Switch:
    """Two vendors over the same banks, and a gateway that is started anew with one of them."""

    sandbox: Sandbox
    database_url: str
    folder: Path
    settings: dict[str, Any]
    second: enable_banking.EnableBanking

    @asynccontextmanager
    async def running(self, vendor: str, **changes: Any) -> AsyncIterator[Play]:
        clock = self.sandbox.clock
        settings = {**self.settings, "open_banking_provider": vendor, **changes}
        async with playing(self.database_url, self.folder, clock.at, base_clock=clock, **settings) as play:
            yield play

    async def visit(self, kari: Player, url: str, vendor: str) -> None:
        """From the vendor's page to the bank's, and back to the gateway."""
        assert PAGES[vendor] in url
        accounts = [account.resource_id for account in personas()["kari"].at_bank("bank_dnb")]
        async with httpx.AsyncClient() as browser:
            page = (await browser.get(url)).headers["location"]
            back = await self.sandbox.press(page, decision="approve", account=accounts)
            returned = (await browser.get(back)).headers["location"]
        assert (await kari.http.get(returned)).status_code == 303

    async def pass_time(self, play: Play, **by: float) -> None:
        await self.sandbox.advance(**by)
        await play.settle()


@pytest.fixture
async def switch(database_url: str, tmp_path: Path) -> AsyncIterator[Switch]:
    folder = tmp_path / "banks"
    folder.mkdir()
    async with sandbox_alone(folder, SystemClock().now()) as sandbox:
        await sandbox.sign_in("kari")
        first, second = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        op = open_payments.OpenPayments(sandbox.inner, callback=CALLBACK, host=first)
        eb = enable_banking.EnableBanking(sandbox.inner, sandbox.clock, callback=CALLBACK, host=second)
        eb.person = personas()["kari"].identity_number
        servers = [
            await started(app, port=int(url.rpartition(":")[2]))
            for app, url in ((open_payments_routes.app(op), first), (enable_banking_routes.app(eb), second))
        ]
        settings = {
            "openpayments_api_url": first,
            "openpayments_auth_api_url": first,
            "openbanking_client_id": open_payments.CLIENT_ID,
            "openbanking_client_secret": open_payments.CLIENT_SECRET,
            "openbanking_webhook_secret": "relay",
            "enablebanking_api_url": second,
            "enablebanking_app_id": enable_banking.APP_ID,
            "enablebanking_private_key": enable_banking.OUR_KEY.as_pem(private=True).decode(),
        }
        yield Switch(sandbox, database_url, tmp_path, settings, eb)
        for server in servers:
            await stopped(server)


async def approve_payment(switch: Switch, kari: Player, account: str, vendor: str) -> str:
    """A payment that the bank is carrying out."""
    payment = (await pay(kari, a_payment(account)))["payment"]
    await switch.visit(kari, payment["authorisationUrl"], vendor)
    assert (await payment_of(kari, payment["id"]))["status"] == "PROCESSING"
    identifier: str = payment["id"]
    return identifier


async def test_new_connections_and_renewals_move_and_what_is_under_way_ends_where_it_began(switch: Switch) -> None:
    async with switch.running(OPEN_PAYMENTS) as play:
        kari = await play.person()
        await kari.ask("mutation { startKyc { kyc { status } } }")
        await switch.pass_time(play, seconds=3)
        connecting = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
        await switch.visit(kari, connecting["authorisationUrl"], OPEN_PAYMENTS)
        bank_link, account = connecting["bankLink"]["id"], await first_account(kari)
        by_the_first = await approve_payment(switch, kari, account, OPEN_PAYMENTS)

    async with switch.running(ENABLE_BANKING) as play:
        kari = await play.person()
        await switch.pass_time(play, minutes=5)
        assert (await payment_of(kari, by_the_first))["status"] == "SETTLED"
        # The old consent goes on being read until the user renews it.
        assert (await kari.ask(REFRESH, id=bank_link))["refreshBalances"]["userErrors"] == []
        page = (await kari.ask(RENEW, id=bank_link))["renewConsent"]["authorisationUrl"]
        await switch.visit(kari, page, ENABLE_BANKING)
        assert await first_account(kari) == account
        by_the_second = await approve_payment(switch, kari, account, ENABLE_BANKING)
        async with AsyncSession(play.gateway.infrastructure.database.read_engine) as session:
            uses = {
                (one.vendor, one.what): one.count for one in await vendor_use(session) if one.port == "open_banking"
            }

    assert uses == {(ENABLE_BANKING, "consents that live"): 1, (ENABLE_BANKING, "payments under way"): 1}
    async with switch.running(OPEN_PAYMENTS) as play:
        kari = await play.person()
        await switch.pass_time(play, minutes=5)
        assert (await payment_of(kari, by_the_second))["status"] == "SETTLED"
        page = (await kari.ask(RENEW, id=bank_link))["renewConsent"]["authorisationUrl"]
        await switch.visit(kari, page, OPEN_PAYMENTS)
        await switch.pass_time(play, minutes=5)
        viewer = (await kari.ask("{ viewer { bankLinks { totalCount edges { node { id status } } } } }"))["viewer"]
        listed = viewer["bankLinks"]

    assert listed["totalCount"] == 1
    assert nodes(listed) == [{"id": bank_link, "status": "ACTIVE"}]
    bookings = (await switch.sandbox.http.get("/ledger")).json()["bookings"]
    assert len(bookings) == 2


async def test_a_vendor_that_is_not_set_up_any_more_leaves_its_rows_and_says_so(switch: Switch) -> None:
    async with switch.running(OPEN_PAYMENTS) as play:
        kari = await play.person()
        connecting = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
        await switch.visit(kari, connecting["authorisationUrl"], OPEN_PAYMENTS)

    switch.settings = {name: value for name, value in switch.settings.items() if name.startswith("enable")}
    async with switch.running(ENABLE_BANKING) as play:
        kari = await play.person()
        refused = (await kari.ask(REFRESH, id=connecting["bankLink"]["id"]))["refreshBalances"]["userErrors"]

    assert [one["code"] for one in refused] == ["PROVIDER_UNAVAILABLE"]


async def connecting(kari: Player) -> str:
    """Where the user is sent to connect a bank."""
    url: str = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]["authorisationUrl"]
    return url


@pytest.mark.parametrize(("share", "vendor"), [(0, OPEN_PAYMENTS), (100, ENABLE_BANKING)])
async def test_a_share_of_users_goes_to_the_next_vendor(switch: Switch, share: int, vendor: str) -> None:
    moving = {"open_banking_next_provider": ENABLE_BANKING, "next_provider_share": share}
    async with switch.running(OPEN_PAYMENTS, **moving) as play:
        assert PAGES[vendor] in await connecting(await play.person())


async def test_a_next_vendor_that_fails_too_often_gets_no_more_users_and_operators_are_told(
    switch: Switch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"enablebanking_api_url": f"http://127.0.0.1:{free_port()}"}
    moving = {"open_banking_next_provider": ENABLE_BANKING, "next_provider_share": 100, **gone}
    async with switch.running(OPEN_PAYMENTS, **moving) as play:
        kari = await play.person()
        with stamina.set_testing(True, attempts=4, cap=True):
            failed = [(await kari.post(CONNECT, bank="bank_dnb")).json()["data"]["connectBank"] for _ in range(9)]
        page = await connecting(kari)
        # What runs beside the requests tells operators; here it does not run by itself.
        await play.gateway.services.vendor_migrations.agree()

    assert {one["userErrors"][0]["code"] for one in failed} == {"PROVIDER_UNAVAILABLE"}
    assert PAGES[OPEN_PAYMENTS] in page
    assert "Move to a new vendor stopped" in capsys.readouterr().err


@pytest.mark.parametrize(("without", "missing"), [(set[str](), None), ({"Nordea", "DNB"}, ["bank_dnb", "bank_nordea"])])
async def test_the_next_vendors_banks_are_looked_at_before_anybody_goes_there(
    switch: Switch, without: set[str], missing: list[str] | None
) -> None:
    switch.second.without = without
    async with switch.running(OPEN_PAYMENTS, open_banking_next_provider=ENABLE_BANKING) as play:
        with capture_logs() as logs:
            banks = (await play.browser().ask("{ banks { name } }"))["banks"]

    told = [entry for entry in logs if entry["event"] == "shadow_differs"]
    assert len(banks) == 5
    assert [(one["vendor"], one["missing"], one["more"]) for one in told] == (
        [(ENABLE_BANKING, missing, [])] if missing else []
    )


async def test_a_next_vendor_that_is_away_hides_no_bank(switch: Switch) -> None:
    gone = {"enablebanking_api_url": f"http://127.0.0.1:{free_port()}"}
    async with switch.running(OPEN_PAYMENTS, open_banking_next_provider=ENABLE_BANKING, **gone) as play:
        assert len((await play.browser().ask("{ banks { name } }"))["banks"]) == 5


def test_a_user_is_always_on_the_same_side_and_the_share_is_about_right() -> None:
    users = [UserId(f"usr_{number}") for number in range(2_000)]
    target = [Target(ENABLE_BANKING, share, ErrorBudget(lambda: None)) for share in (0, 10, 30, 100)]

    taken = [{user for user in users if one.takes(user)} for one in target]

    assert (len(taken[0]), len(taken[3])) == (0, 2_000)
    assert taken[1] <= taken[2]
    assert 140 < len(taken[1]) < 260


def test_a_budget_says_nothing_of_few_calls_and_is_spent_once() -> None:
    told: list[str] = []
    budget = ErrorBudget(lambda: told.append("spent"))
    for _ in range(9):
        budget.count(has_failed=True)
    assert not budget.is_spent

    for _ in range(3):
        budget.count(has_failed=True)
    assert (budget.is_spent, told) == (True, ["spent"])

    careful = ErrorBudget(lambda: None)
    for number in range(500):
        careful.count(has_failed=number % 10 == 0)
    assert not careful.is_spent
