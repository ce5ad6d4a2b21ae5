"""A front-end developer plays the product in GraphiQL."""

from pathlib import Path

from playwright.async_api import BrowserContext, Page, expect

SHOTS = Path("var/screenshots")


async def run(page: Page, tab: str) -> None:
    """Open an example's tab and press the button that runs it."""
    await page.get_by_role("tab", name=tab, exact=True).click()
    await page.locator(".graphiql-execute-button").click()


async def shot(page: Page, name: str) -> None:
    await page.screenshot(path=SHOTS / f"{name}.png")


async def see(page: Page, text: str) -> None:
    await expect(page.locator(".result-window")).to_contain_text(text)


async def test_a_payment_is_played_from_sign_in_to_settled_without_a_reload(
    window: BrowserContext, address: str
) -> None:
    page = await window.new_page()
    await page.goto(f"{address}/graphql")
    await page.get_by_role("link", name="Kari Nordmann").click()
    await expect(page.get_by_role("status")).to_have_text("Signed in as Kari Nordmann")

    await run(page, "StartKyc")
    await see(page, "PENDING")
    await run(page, "FollowKyc")
    await see(page, "APPROVED")
    await run(page, "ConnectBank")
    await see(page, "AWAITING_AUTHORISATION")
    await page.get_by_role("link", name="Open the bank's page").click()
    await shot(page, "consent")
    await page.get_by_role("button", name="Approve with BankID").click()
    await page.wait_for_url("**/graphql?bankLink=*")

    await run(page, "Pay")
    await see(page, "AUTHORISATION_REQUIRED")
    bank_page = await page.get_by_role("link", name="Open the bank's page").get_attribute("href")
    await run(page, "FollowPayment")
    await see(page, "AUTHORISATION_REQUIRED")
    other = await window.new_page()
    await other.goto(str(bank_page))
    await shot(other, "payment")
    await other.get_by_role("button", name="Approve with BankID").click()
    await other.wait_for_url("**/graphql?payment=*")
    await see(page, "SETTLED")
    await shot(page, "graphiql")


async def test_a_sign_in_that_came_to_nothing_is_said_once(window: BrowserContext, address: str) -> None:
    page = await window.new_page()
    await page.goto(f"{address}/auth/bankid/login?return_to=/graphql")
    await page.get_by_role("button", name="Cancel").click()

    await expect(page.get_by_role("alert")).to_have_text("The sign-in was cancelled")
    await shot(page, "cancelled")
    await page.reload()
    await expect(page.get_by_role("status")).to_have_text("Signed out")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_subscription_in_graphiql_shows_what_a_rest_call_changes(window: BrowserContext, address: str) -> None:
    page = await window.new_page()
    await page.goto(f"{address}/auth/bankid/login?persona=silje&return_to=/graphql")
    await run(page, "EverythingLive")
    await see(page, "Silje Lie")

    response = await window.request.get(f"{address}/api/kyc/initiate")
    assert response.ok

    await see(page, "APPROVED")
