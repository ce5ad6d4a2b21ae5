"""From nobody to a settled payment, and the ways on which it comes to nothing."""

from playwright.async_api import Browser, BrowserContext, Page, expect

from docs.fixtures.drop_gateway import Gateway
from tests.browser.conftest import WITHIN_MS
from tests.web_client.steps import PAYMENT, accessible, approve, fill_payment, pay, seeded, shot, status


async def test_somebody_new_signs_in_is_verified_connects_a_bank_and_pays(page: Page, address: str) -> None:
    await page.goto(address)
    await accessible(page)
    await shot(page, "sign-in")
    await page.get_by_role("link", name="Sign in with BankID").click()
    await page.get_by_role("button", name="Someone new").click()

    await page.get_by_role("link", name="Verify your identity").click()
    await page.get_by_role("button", name="Begin").click()
    await page.get_by_role("link", name="Open the form").click()
    await page.get_by_role("button", name="Submit document and selfie").click()
    await page.get_by_role("link", name="Go back to the app").click()
    await page.wait_for_url("**/#/kyc")
    await status(page, "Verified")
    await accessible(page)
    await shot(page, "kyc")

    await page.get_by_role("link", name="Connect a bank").click()
    await page.get_by_role("button", name="Connect DNB").click()
    await expect(page.get_by_role("region", name="What you consent to")).to_be_visible()
    await accessible(page)
    await shot(page, "consent")
    await page.get_by_role("link", name="Go to the bank").click()
    await page.get_by_role("button", name="Approve with BankID").click()
    await page.wait_for_url("**/#/banks")
    await expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    await accessible(page)
    await shot(page, "banks")

    await page.get_by_role("link", name="Pay", exact=True).click()
    await fill_payment(page, "125,50")
    await accessible(page)
    await shot(page, "pay")
    await page.get_by_role("button", name="Pay", exact=True).click()
    await status(page, "Awaits approval")
    await approve(page)
    await status(page, "Paid")
    assert [await row.inner_text() for row in await page.get_by_role("list").last.locator(".status").all()] == [
        "Created",
        "Awaits approval",
        "At the bank",
        "Paid",
    ]
    await accessible(page)
    await shot(page, "payment")

    await page.get_by_role("link", name="Home").click()
    await expect(page.get_by_role("link", name="NOK 24,874.50")).to_be_visible()
    await expect(page.get_by_role("link", name="Ola Hansen")).to_contain_text("Paid")
    await accessible(page)
    await shot(page, "home")


async def test_a_sign_in_that_was_cancelled_is_said_once_on_a_phone_in_norwegian(
    browser: Browser, address: str
) -> None:
    context = await browser.new_context(
        viewport={"width": 375, "height": 720}, locale="nb-NO", color_scheme="dark", reduced_motion="reduce"
    )
    context.set_default_timeout(WITHIN_MS)
    page = await context.new_page()
    await page.goto(address)
    await page.get_by_role("link", name="Logg inn med BankID").click()
    await page.get_by_role("button", name="Cancel").click()

    await expect(page.get_by_role("alert")).to_have_text("Innloggingen ble avbrutt.")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    await accessible(page)
    await shot(page, "cancelled-phone")
    await page.reload()
    await expect(page.get_by_role("heading", name="Betal fra dine egne kontoer")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await context.close()


async def test_a_consent_that_was_refused_leaves_the_bank_to_be_connected_again(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway)
    await page.goto(f"{address}#/banks")
    await page.get_by_role("button", name="Connect Nordea").click()
    await page.get_by_role("link", name="Go to the bank").click()
    await page.get_by_role("button", name="Refuse").click()
    await page.wait_for_url("**/#/banks")

    await expect(page.get_by_text("Refused", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Connect Nordea")).to_be_enabled()


async def test_what_the_gateway_refuses_stands_at_its_input_and_is_paid_once_mended_by_keyboard_alone(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway, banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])
    await page.goto(f"{address}#/pay")
    await page.get_by_label("From account").focus()
    for typed in ("Ola Hansen", "32010020008", "12,50"):
        await page.keyboard.press("Tab")
        await page.keyboard.type(typed)
    await page.keyboard.press("Enter")

    number = page.get_by_label("Account number")
    await expect(number).to_have_attribute("aria-invalid", "true")
    await accessible(page)
    await number.focus()
    await page.keyboard.press("Backspace")
    await page.keyboard.type("9")
    await page.keyboard.press("Enter")
    await status(page, "Awaits approval")
    await page.get_by_role("link", name="Approve at the bank").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Approve with BankID").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(PAYMENT)
    await status(page, "Paid")


async def test_an_approval_in_the_banks_app_arrives_without_a_reload(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    await seeded(window, gateway, banks=[{"id": "bank_dnb", "balanceMinor": 500_000}])
    await pay(page, address, "100,04")
    await expect(page.get_by_text("Approve in the bank's app")).to_be_visible()
    await accessible(page)

    other = await window.new_page()
    await other.goto(f"{gateway.url}/sandbox/")
    await other.locator('a[href*="/sandbox/bank/payments/"]').first.click()
    await other.get_by_role("button", name="Approve").first.click()

    await status(page, "Paid")


async def test_a_statement_is_searched_and_a_language_is_chosen(
    window: BrowserContext, page: Page, gateway: Gateway, address: str
) -> None:
    lines = [
        {"amountMinor": -4_900, "counterparty": "Kaffebrenneriet"},
        {"amountMinor": -99_00, "counterparty": "Øst Bokhandel"},
    ]
    await seeded(window, gateway, banks=[{"id": "bank_dnb", "balanceMinor": 500_000, "transactions": lines}])
    await page.goto(address)
    await page.get_by_role("link", name="NOK 5,000.00").click()
    await expect(page.get_by_text("Kaffebrenneriet")).to_be_visible()
    await page.get_by_label("Search the statement").fill("øst")
    await expect(page.get_by_text("Kaffebrenneriet")).to_have_count(0)
    await expect(page.get_by_text("Øst Bokhandel")).to_be_visible()
    await accessible(page)

    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("Language").select_option("nb-NO")
    await expect(page.get_by_role("heading", name="Innstillinger")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "nb"
    await accessible(page)
