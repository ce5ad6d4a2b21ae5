"""The reference client's built files, which a gateway in mock mode serves without Node."""

from gateway.app import create_app
from gateway.settings.check import load_settings
from tests.api.test_production import production
from tests.builders.gateway import Play


async def test_it_is_served_with_a_policy_that_has_no_inline_style_or_script(play: Play) -> None:
    kari = await play.person()

    page, script = await kari.http.get("/app/"), await kari.http.get("/app/app.js")

    assert (page.status_code, script.status_code) == (200, 200)
    assert '<script type="module" crossorigin src="/app/app.js">' in page.text
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "connect-src 'self' ws://localhost:* ws://127.0.0.1:*" in policy
    assert {answer.headers["cache-control"] for answer in (page, script)} == {"no-cache"}


def test_where_a_vendor_is_real_it_is_not_served() -> None:
    settings = load_settings(**production(), _env_file=None)

    assert "/app" not in {getattr(route, "path", "") for route in create_app(settings).routes}
