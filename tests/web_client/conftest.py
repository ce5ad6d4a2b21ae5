"""The reference client in a browser, against a gateway of this worker's own."""

import shlex
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from docs.fixtures.drop_gateway import Gateway, gateway
from tests.browser.conftest import WITHIN_MS, browser

__all__ = ["browser", "gateway"]


@pytest.fixture(scope="session", autouse=True)
def _command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("ephemeral")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DROP_GATEWAY", shlex.join([sys.executable, "-m", "gateway"]))
        patched.setenv("TMPDIR", str(folder))
        patched.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield


@pytest.fixture
def address(gateway: Gateway) -> str:
    """Where the client is."""
    return f"{gateway.url}/app/"


@pytest.fixture
async def window(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser of one person's own, in English."""
    context = await browser.new_context(viewport={"width": 1100, "height": 800}, locale="en-GB")
    context.set_default_timeout(WITHIN_MS)
    yield context
    await context.close()


@pytest.fixture
async def page(window: BrowserContext) -> AsyncIterator[Page]:
    """A tab in which no script fails."""
    page, faults = await window.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    assert faults == []
