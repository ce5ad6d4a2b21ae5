"""Answers that are lost, sessions that end elsewhere, gateways that go and come back, documents that must be known."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, Route, expect

from docs.fixtures.drop_gateway import Gateway
from tests.browser.conftest import WITHIN_MS
from tests.builders.server import free_port, served
from tests.web_client.steps import ROOT, approve, fill_payment, pay, seeded, status

CLIENT = ROOT / "clients" / "web"


async def test_a_payment_whose_answer_was_lost_is_one_payment_after_a_reload(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway, banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])

    async def lose_the_answer(route: Route) -> None:
        if (route.request.post_data_json or {}).get("operationName") != "Pay":
            await route.fallback()
            return
        assert (await route.fetch()).ok
        await route.abort()

    await page.goto(f"{address}#/pay")
    await fill_payment(page, "125,50")
    await page.route("**/graphql", lose_the_answer)
    await page.get_by_role("button", name="Pay", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Offline")
    await page.unroute("**/graphql", lose_the_answer)
    assert await page.evaluate("sessionStorage.length") == 1

    await page.reload()
    await fill_payment(page, "125,50")
    await page.get_by_role("button", name="Pay", exact=True).click()
    await status(page, "Awaits approval")
    kept = await page.evaluate("sessionStorage.length + localStorage.length + document.cookie.length")
    assert kept == 0
    await page.get_by_role("link", name="Payments").click()
    await expect(page.get_by_role("link", name="Ola Hansen")).to_have_count(1)


async def test_an_answer_that_a_push_has_overtaken_does_not_set_the_screen_back(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway, banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])
    await pay(page, address, "125,50")
    await status(page, "Awaits approval")
    bank = str(await page.get_by_role("link", name="Approve at the bank").get_attribute("href"))
    await page.get_by_role("link", name="Home").click()
    asked, is_read, may_arrive = list[Route](), asyncio.Event(), asyncio.Event()

    async def hold_the_first(route: Route) -> None:
        if not _asks_for_payment(route.request):
            await route.fallback()
            return
        asked.append(route)
        answer = await route.fetch()
        if len(asked) == 1:
            is_read.set()
            await may_arrive.wait()
        await route.fulfill(response=answer)

    await page.route("**/graphql", hold_the_first)
    await page.get_by_role("link", name="Ola Hansen").click()
    await asyncio.wait_for(is_read.wait(), 60)
    other = await window.new_page()
    await other.goto(bank)
    await other.get_by_role("button", name="Approve with BankID").click()
    await status(page, "Paid")
    async with page.expect_request(_asks_for_payment):
        may_arrive.set()

    await status(page, "Paid")


def _asks_for_payment(request: Request) -> bool:
    return request.url.endswith("/graphql") and (request.post_data_json or {}).get("operationName") == "Payment"


async def test_a_session_that_was_ended_elsewhere_is_said_at_once(
    browser: Browser, window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway, persona="silje")
    await page.goto(address)
    await expect(page.get_by_role("heading", name="Hello, Silje Lie")).to_be_visible()

    elsewhere = await browser.new_context(locale="en-GB")
    elsewhere.set_default_timeout(WITHIN_MS)
    other = await elsewhere.new_page()
    await other.goto(f"{gateway.url}/auth/bankid/login?persona=silje&return_to=/app/")
    await other.get_by_role("link", name="Settings").click()
    this_browser = other.get_by_role("listitem").filter(has_text="Browser").filter(has_not_text="this one")
    await this_browser.get_by_role("button", name="Sign out there").click()

    await expect(page.get_by_role("alert")).to_contain_text("You are signed out.")
    await page.get_by_role("button", name="Sign in with BankID").click()
    await expect(page.get_by_role("link", name="Sign in with BankID")).to_be_visible()
    await elsewhere.close()


async def test_what_wants_a_recent_login_leads_to_bankid_and_back(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway, persona="kari")

    async def want_a_login(route: Route) -> None:
        if (route.request.post_data_json or {}).get("operationName") != "ChooseLanguage":
            await route.fallback()
            return
        error = {"message": "Sign in again.", "extensions": {"code": "STEP_UP_REQUIRED"}}
        await route.fulfill(json={"data": None, "errors": [error]})

    await page.route("**/graphql", want_a_login)
    await page.goto(f"{address}#/settings")
    await page.get_by_label("Language").select_option("nb-NO")
    await expect(page.get_by_role("alert")).to_contain_text("Confirm with BankID first")
    await page.get_by_role("link", name="Confirm with BankID").click()
    await page.get_by_role("button", name="Kari Nordmann").click()

    await expect(page.get_by_role("heading", name="Hello, Kari Nordmann")).to_be_visible()


async def test_a_gateway_that_goes_and_comes_back_during_a_payment_is_waited_for(
    window: BrowserContext, page: Page, tmp_path: Path
) -> None:
    port = free_port()
    with served(tmp_path, port) as url:
        await seeded(window, Gateway(url), banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])
        await pay(page, f"{url}/app/", "125,50")
        await status(page, "Awaits approval")
        bank = str(await page.get_by_role("link", name="Approve at the bank").get_attribute("href"))
    await status(page, "Offline")

    with served(tmp_path, port):
        await expect(page.get_by_text("Offline")).to_have_count(0)
        other = await window.new_page()
        await other.goto(bank)
        await other.get_by_role("button", name="Approve with BankID").click()
        await status(page, "Paid")


async def test_where_documents_must_be_known_the_manifest_has_all_that_the_client_sends(
    window: BrowserContext, page: Page, tmp_path: Path
) -> None:
    refused, texts = list[str](), list[str]()
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    page.on("request", lambda request: texts.append(request.url) if "query" in _sent(request.post_data) else None)
    with served(tmp_path, GRAPHQL_DOCUMENTS="enforce") as url:
        push_manifest(url)
        await seeded(window, Gateway(url), banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])
        await pay(page, f"{url}/app/", "125,50")
        other = await window.new_page()
        await other.goto(str(await page.get_by_role("link", name="Approve at the bank").get_attribute("href")))
        await other.get_by_role("button", name="Approve with BankID").click()
        await status(page, "Paid")
        await page.get_by_role("link", name="Banks").click()
        await expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    assert (refused, texts) == ([], [])


def push_manifest(url: str) -> None:
    push = [sys.executable, "-m", "gateway", "documents", "push", "persisted-documents.json", "--url", url]
    pushed = subprocess.run(
        push, cwd=CLIENT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert pushed.returncode == 0, pushed.stderr


def _sent(body: str | None) -> str:
    return (body or "").partition('"extensions"')[0]


@pytest.fixture
def development_server() -> Iterator[str]:
    """The client as `make web` serves it, on another origin than the gateway."""
    tools, port = CLIENT / "node_modules" / ".bin", free_port()
    subprocess.run([tools / "graphql-codegen", "--silent"], cwd=CLIENT, check=True)
    command = [str(tools / "vite"), "--port", str(port), "--strictPort", "--clearScreen", "false"]
    with subprocess.Popen(command, cwd=CLIENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any("Local" in line for line in process.stdout), "vite did not start"
        yield f"http://localhost:{port}/"
        process.terminate()
        process.stdout.read()


async def test_on_another_origin_a_payment_is_made_and_pushed(
    window: BrowserContext, page: Page, gateway: Gateway, development_server: str
) -> None:
    await seeded(window, gateway, banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])

    await pay(page, f"{development_server}?gateway={gateway.url}", "125,50")
    await approve(page)

    await status(page, "Paid")
    assert page.url.startswith(f"{development_server}?gateway=")
