"""The gateway on real banks, by Open Payments and directly: each in a process of its own, over TLS."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina

from gateway.assembly.clocks import SystemClock
from providers.open_banking.certificates import CertificateSettings, tls_of
from tests.builders.gateway import BASE, CONNECT, Play, Player, a_payment, first_account, pay, payment_of, playing
from tests.builders.sandbox import MovedClock
from tests.builders.tls import Certificates, certificates
from tests.vendors import open_payments

ROOT = Path(__file__).parents[2]
CALLBACK = f"{BASE}/api/openbanking/callback"


@dataclass(frozen=True)
class Vendor:
    name: str
    api: str
    site: str
    files: Certificates


@pytest.fixture(scope="module", params=["open_payments", "direct"])
def vendor(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Vendor]:
    files = certificates(tmp_path_factory.mktemp("vendor"))
    command = [sys.executable, "-m", "tests.vendors.process", request.param, str(files.folder), CALLBACK]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            api, site = process.stdout.readline().split()
            yield Vendor(request.param, f"https://127.0.0.1:{api}", f"https://127.0.0.1:{site}", files)
        finally:
            process.terminate()


def settings_of(vendor: Vendor, **changes: Any) -> dict[str, Any]:
    return {
        "open_banking_provider": vendor.name,
        "openpayments_api_url": vendor.api,
        "openpayments_auth_api_url": vendor.site,
        "openbanking_client_id": open_payments.CLIENT_ID,
        "openbanking_client_secret": open_payments.CLIENT_SECRET,
        "openbanking_webhook_secret": "relay",
        "openbanking_banks": {"bank_dnb": f"{vendor.api}/bank_dnb"},
        "openbanking_client_cert": vendor.files.client,
        "openbanking_ca": vendor.files.authority,
        **changes,
    }


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(SystemClock().now())


@pytest.fixture
async def play(database_url: str, tmp_path: Path, vendor: Vendor, clock: MovedClock) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, clock.at, base_clock=clock, **settings_of(vendor)) as play:
        yield play


@pytest.fixture
async def site(vendor: Vendor) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the vendor and the bank; it has no certificate."""
    async with httpx.AsyncClient(verify=tls_of(CertificateSettings(openbanking_ca=vendor.files.authority))) as browser:
        yield browser


async def approved(play: Play, clock: MovedClock) -> Player:
    kari = await play.person()
    await kari.ask("mutation { startKyc { kyc { status } } }")
    clock.at += timedelta(seconds=3)
    await play.settle()
    return kari


async def visit(kari: Player, site: httpx.AsyncClient, url: str, decision: str = "approve") -> httpx.Response:
    """From the app to the vendor, on to the bank's page, and back to the gateway."""
    where = (await site.get(url)).headers["location"]
    shown = await site.get(where)
    accounts = [part.split('"')[0] for part in shown.text.split('name="account" value="')[1:]]
    where = (await site.post(where, data={"decision": decision, "account": accounts})).headers["location"]
    while not where.startswith(CALLBACK):
        where = (await site.get(where)).headers["location"]
    return await kari.http.get(where)


async def connected(play: Play, clock: MovedClock, site: httpx.AsyncClient) -> tuple[Player, str]:
    kari = await approved(play, clock)
    payload = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
    assert payload["userErrors"] == []
    assert (await visit(kari, site, payload["authorisationUrl"])).status_code == 303
    return kari, await first_account(kari)


async def test_a_bank_is_connected_and_its_accounts_are_read(
    play: Play, clock: MovedClock, site: httpx.AsyncClient
) -> None:
    kari, _ = await connected(play, clock, site)

    query = """{ banks { id name } viewer { bankAccounts { edges { node {
      bban balances { type amount { amountMinor } }
      transactions(first: 3) { edges { node { amount { amountMinor } counterpartyName } } } } } } } }"""
    answer = await kari.ask(query)

    assert {"id": "bank_dnb", "name": "DNB"} in answer["banks"]
    accounts = [edge["node"] for edge in answer["viewer"]["bankAccounts"]["edges"]]
    assert len(accounts) > 1
    assert {balance["type"] for balance in accounts[0]["balances"]} == {"BOOKED", "AVAILABLE"}
    assert any(edge["node"]["amount"]["amountMinor"].startswith("-") for edge in accounts[0]["transactions"]["edges"])


async def test_a_payment_is_approved_at_the_bank_and_settles_by_being_asked_after(
    play: Play, clock: MovedClock, site: httpx.AsyncClient, vendor: Vendor
) -> None:
    kari, account = await connected(play, clock, site)
    payment = (await pay(kari, a_payment(account)))["payment"]
    assert payment["status"] == "AUTHORISATION_REQUIRED"

    await visit(kari, site, payment["authorisationUrl"])
    approved = await payment_of(kari, payment["id"])
    assert (await site.post(f"{vendor.site}/advance")).status_code == 204
    clock.at += timedelta(minutes=5)
    await play.settle()

    assert approved["status"] == "PROCESSING"
    assert (await payment_of(kari, payment["id"]))["status"] == "SETTLED"


async def test_a_payment_that_is_refused_at_the_bank_is_rejected(
    play: Play, clock: MovedClock, site: httpx.AsyncClient
) -> None:
    kari, account = await connected(play, clock, site)
    payment = (await pay(kari, a_payment(account)))["payment"]

    await visit(kari, site, payment["authorisationUrl"], "refuse")

    stands = await payment_of(kari, payment["id"])
    assert (stands["status"], stands["failure"]["code"]) == ("REJECTED", "AUTHORISATION_REFUSED")


@pytest.mark.parametrize("vendor", ["direct"], indirect=True)
async def test_a_banks_own_notification_brings_the_update_unasked(
    play: Play, clock: MovedClock, site: httpx.AsyncClient, vendor: Vendor
) -> None:
    kari, account = await connected(play, clock, site)
    payment = (await pay(kari, a_payment(account)))["payment"]
    await visit(kari, site, payment["authorisationUrl"])
    await site.post(f"{vendor.site}/advance")
    pushed = (await site.get(f"{vendor.site}/pushes")).json()[-1]
    bank = play.browser().http

    forged = await bank.post(pushed["uri"][:-1], json=pushed["body"])
    taken = [(await bank.post(pushed["uri"], json=pushed["body"])).status_code for _ in range(2)]
    await play.settle()

    assert (forged.status_code, taken) == (401, [202, 202])
    assert (await payment_of(kari, payment["id"]))["status"] == "SETTLED"


@pytest.mark.parametrize("certificate", ["none", "stranger"])
async def test_without_the_right_certificate_no_bank_is_reached(
    database_url: str, tmp_path: Path, vendor: Vendor, clock: MovedClock, certificate: str
) -> None:
    files = vendor.files
    # A direct bank is not even set up without one.
    client = files.stranger if certificate == "stranger" or vendor.name == "direct" else None
    settings = settings_of(vendor, openbanking_client_cert=client)
    async with playing(database_url, tmp_path, clock.at, base_clock=clock, **settings) as play:
        kari = await play.person()
        with stamina.set_testing(True, attempts=4, cap=True):
            refused = (await kari.post(CONNECT, bank="bank_dnb")).json()["data"]["connectBank"]

    assert [one["code"] for one in refused["userErrors"]] == ["PROVIDER_UNAVAILABLE"]


async def test_health_names_the_bank_that_is_away_and_leaves_the_port_up(
    database_url: str, tmp_path: Path, vendor: Vendor, clock: MovedClock
) -> None:
    if vendor.name != "direct":
        pytest.skip("here each bank has a host of its own, so that one can be gone")
    banks = {"bank_dnb": f"{vendor.api}/bank_dnb", "bank_nordea": "https://127.0.0.1:1"}
    settings = settings_of(vendor, openbanking_banks=banks)
    async with playing(database_url, tmp_path, clock.at, base_clock=clock, **settings) as play:
        kari = await play.person()
        for _ in range(5):
            away = (await kari.ask(CONNECT, bank="bank_nordea"))["connectBank"]
            assert [one["code"] for one in away["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
        here = (await kari.ask(CONNECT, bank="bank_dnb"))["connectBank"]
        checks = (await play.browser().http.get("/api/health")).json()["checks"]

    assert here["userErrors"] == []
    assert {name: found for name, found in checks.items() if name.startswith("open_banking")} == {
        "open_banking": "ok",
        "open_banking/bank_nordea": "degraded",
    }
