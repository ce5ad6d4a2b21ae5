"""What a person does in the client and on the pages that it leads to."""

import re
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, expect

from docs.fixtures.drop_gateway import Gateway

ROOT = Path(__file__).parents[2]
SHOTS = Path("var/screenshots")
PAYMENT = re.compile("#/payments/.")
_AXE = ROOT / "clients" / "web" / "node_modules" / "axe-core" / "axe.min.js"
_FINDINGS = "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))"


async def seeded(window: BrowserContext, gateway: Gateway, **order: Any) -> None:
    """Somebody new as ordered, signed in in this browser."""
    user = gateway.seed(**order)
    name, value = user["cookie"]["name"], user["cookie"]["value"]
    await window.add_cookies([{"name": name, "value": value, "url": gateway.url, "httpOnly": True, "sameSite": "Lax"}])


async def status(page: Page, text: str) -> None:
    await expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


async def accessible(page: Page) -> None:
    """No finding of axe on the page as it stands."""
    await page.evaluate(_AXE.read_text())
    assert await page.evaluate(_FINDINGS) == []


async def shot(page: Page, name: str) -> None:
    await page.screenshot(path=SHOTS / f"web-{name}.png")


async def fill_payment(page: Page, amount: str, payee: str = "Ola Hansen") -> None:
    await page.get_by_label("Payee").fill(payee)
    await page.get_by_label("Account number").fill("32010020009")
    await page.get_by_label("Amount in NOK").fill(amount)


async def pay(page: Page, address: str, amount: str) -> None:
    """From the form to the payment's own page."""
    await page.goto(f"{address}#/pay")
    await fill_payment(page, amount)
    await page.get_by_role("button", name="Pay", exact=True).click()
    await page.wait_for_url(PAYMENT)


async def approve(page: Page) -> None:
    """On the bank's page, and back."""
    await page.get_by_role("link", name="Approve at the bank").click()
    await page.get_by_role("button", name="Approve with BankID").click()
    await page.wait_for_url(PAYMENT)
