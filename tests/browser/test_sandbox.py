"""A front-end developer plays cards, files, time and timelines in a browser."""

from playwright.async_api import BrowserContext, Page, expect

from tests.browser.test_graphiql import run, see, shot


async def signed_in(window: BrowserContext, address: str, persona: str = "kari") -> Page:
    """In GraphiQL, with KYC passed."""
    page = await window.new_page()
    await page.goto(f"{address}/auth/bankid/login?persona={persona}&return_to=/graphql")
    await run(page, "StartKyc")
    await see(page, "PENDING")
    await run(page, "FollowKyc")
    await see(page, "APPROVED")
    return page


async def test_a_card_payment_passes_a_3d_secure_challenge_and_its_timeline_shows_it(
    window: BrowserContext, address: str
) -> None:
    page = await signed_in(window, address)
    await run(page, "CardPayment")
    await see(page, "AUTHORISATION_REQUIRED")
    await page.get_by_role("link", name="Open the card page").click()
    await page.get_by_label("Card number").fill("4000 0000 0000 0002")
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("alert")).to_contain_text("declined")
    await shot(page, "card-declined")

    await page.get_by_label("Card number").fill("4000 0000 0000 3220")
    await page.get_by_role("button", name="Pay").click()
    await expect(page.get_by_role("heading", name="Is this you?")).to_be_visible()
    await shot(page, "3d-secure")
    await page.get_by_role("button", name="Approve with BankID").click()

    await expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    await page.goto(f"{address}/sandbox/")
    await page.get_by_role("link", name="Timeline").first.click()
    await expect(page.get_by_role("table")).to_contain_text("AUTHORISATION_REQUIRED -> SETTLED")
    await shot(page, "timeline")


async def test_a_file_is_put_completed_and_downloaded(window: BrowserContext, address: str) -> None:
    page = await window.new_page()
    await page.goto(f"{address}/auth/bankid/login?persona=kari&return_to=/graphql")
    await run(page, "CreateUpload")
    await see(page, "PENDING")
    await page.get_by_role("button", name="Put the example file").click()
    await expect(page.get_by_role("link", name="The file is there")).to_be_visible()

    await run(page, "CompleteUpload")
    await see(page, "STORED")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download the file").click()
    assert (await download.value).suggested_filename == "receipt.pdf"
    await page.goto(f"{address}/sandbox/files")
    await expect(page.get_by_role("table")).to_contain_text("application/pdf")
    await shot(page, "files")


async def test_the_clock_is_moved_and_mails_are_read(window: BrowserContext, address: str) -> None:
    page = await signed_in(window, address)
    await run(page, "Subscribe")
    await see(page, "ACTIVE")
    await page.goto(f"{address}/sandbox/outbox")
    before = await page.get_by_label("Clock").inner_text()

    # A month of daily work, on a machine that may be busy.
    await page.get_by_role("button", name="+30 days").click()
    await page.get_by_role("button", name="+1 day").click()
    await expect(page.get_by_role("heading", name="Faktura DROP-00002")).to_be_visible()

    assert await page.get_by_label("Clock").inner_text() != before
    await shot(page, "outbox")


async def test_a_webhook_is_fired_by_keyboard_on_a_phone(window: BrowserContext, address: str) -> None:
    page = await signed_in(window, address)
    await run(page, "CardPayment")
    await see(page, "AUTHORISATION_REQUIRED")
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"{address}/sandbox/webhooks")

    await page.get_by_label("Fire a webhook").focus()
    await page.get_by_label("Fire a webhook").select_option("payment_intent.created")
    for _ in range(2):
        await page.keyboard.press("Tab")
    async with page.expect_navigation():  # the table was there before, and a page is measured with its styles
        await page.keyboard.press("Enter")

    await expect(page.get_by_role("table")).to_contain_text("stripe")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    await shot(page, "webhooks-phone")
    await page.goto(f"{address}/sandbox/scenarios")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.goto(f"{address}/sandbox/")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await shot(page, "home-phone")
