"""SERVICE_MODE=production: the same product without the sandbox, and what it refuses to start with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina

from domain.plan import PLANS
from gateway.settings.check import InvalidSettings, load_settings
from gateway.settings.settings import settings_class
from providers.email.mock_key import public_key_of
from tests.builders.gateway import playing
from tests.builders.own_secrets import OPERATOR_TOKEN, OWN
from tests.conftest import NOON


@pytest.fixture(autouse=True)
def retries_without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


# Nobody listens there.
AWAY = "https://127.0.0.1:9"


def production(**changes: Any) -> dict[str, Any]:
    """Every vendor real, in its test world."""
    return {
        "service_mode": "production",
        "environment": "staging",
        "public_url": "https://api.drop.example",
        "default_return_to": "https://app.drop.example/",
        "allowed_origins": ("https://app.drop.example",),
        **OWN,
        "bankid_api_url": AWAY,
        "bankid_client_id": "drop",
        "bankid_client_secret": "secret",
        "sumsub_app_token": "sbx:token",
        "sumsub_app_secret": "secret",
        "sumsub_secret_key": "secret",
        "openpayments_api_url": AWAY,
        "openpayments_auth_api_url": AWAY,
        "openbanking_client_id": "drop",
        "openbanking_client_secret": "secret",
        "openbanking_webhook_secret": "secret",
        "stripe_secret_key": "sk_test_1",
        "stripe_publishable_key": "pk_test_1",
        "stripe_webhook_secret": "whsec_1",
        "stripe_prices": dict.fromkeys(PLANS, "price_1"),
        "sendgrid_api_key": "SG.1",
        "sendgrid_webhook_public_key": public_key_of("anything"),
        "email_from_address": "no-reply@drop.example",
        "twilio_account_sid": "AC1",
        "twilio_auth_token": "secret",
        "twilio_from": "Drop",
        "s3_uploads_bucket": "uploads",
        "s3_exports_bucket": "exports",
        "s3_public_bucket": "public",
        "google_maps_api_key": "key",
        **changes,
    }


def live(**changes: Any) -> dict[str, Any]:
    """As a bank would let it start."""
    return production(
        **{
            "environment": "production",
            "operator_port": 8002,
            "database_url": "postgresql://drop@db.drop.example/drop?sslmode=verify-full",
            "redis_url": "rediss://redis.drop.example/0",
            "sumsub_app_token": "prd:token",
            "sumsub_secret_key": "Zk3vTq8LmX2wRb7NcY5s",
            "openbanking_webhook_secret": "7hVq2mXz9RtLw4KcYb8NfPj3GsDu6AeE",
            "stripe_secret_key": "sk_live_1",
            "stripe_publishable_key": "pk_live_1",
            "stripe_webhook_secret": "whsec_Rk8vYt3LqX2mWb7N",
            **changes,
        }
    )


def problems_of(**changes: Any) -> str:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(**live(**changes), _env_file=None)
    return str(refused.value)


async def test_every_vendor_is_real_and_there_is_no_sandbox(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, **production()) as play:
        browser = play.browser()
        status = await browser.ask("{ serviceStatus { mode isBankidMock providers { port isMock } } }")
        health = (await browser.http.get("/api/health")).json()
        gone = [(await browser.http.get(path)).status_code for path in ("/sandbox/", "/api/mock/clock")]
        page = await browser.http.get("/graphql", headers={"accept": "text/html"})
        address = "/auth/bankid/login?return_to=https://app.drop.example/&state=mine"
        login = await browser.http.get(address, headers={"accept": "application/json"})
        sent_back = await browser.http.get(address, headers={"accept": "text/html"})

    mocks = {one["port"] for one in status["serviceStatus"]["providers"] if one["isMock"]}
    assert (status["serviceStatus"]["mode"], status["serviceStatus"]["isBankidMock"]) == ("PRODUCTION", False)
    assert mocks == {"UPTIME"}
    assert "sandbox" not in health["checks"]
    assert health["checks"]["open_banking"] == "ok"
    assert gone == [404, 404]
    assert page.status_code == 404
    assert (login.status_code, login.json()["code"]) == (503, "PROVIDER_UNAVAILABLE")
    assert sent_back.status_code == 303
    assert sent_back.headers["location"] == "https://app.drop.example/?error=temporarily_unavailable&state=mine"


async def test_what_is_live_starts_and_keeps_operators_to_their_port(postgresql_url: str, tmp_path: Path) -> None:
    given = live(redis_url=None, database_url=postgresql_url)
    async with playing(given.pop("database_url"), tmp_path, NOON, **given) as play:
        http = play.browser(authorization=f"Bearer {OPERATOR_TOKEN}").http
        ready = await http.get("/api/health/ready")
        here, there = [await http.get(f"http://localhost:{port}/api/operator/payments/doubts") for port in (8000, 8002)]

    assert (ready.status_code, here.status_code, there.status_code) == (200, 404, 200)


async def test_a_vendor_that_is_away_shows_in_the_health_check(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, **production()) as play:
        await play.settle()
        browser = play.browser()
        for _ in range(2):
            await browser.http.get("/auth/bankid/login?return_to=https://app.drop.example/")
        health = await browser.http.get("/api/health")

    assert (health.status_code, health.json()["status"], health.json()["checks"]["identity"]) == (200, "ok", "degraded")


async def test_staging_may_sign_in_by_the_simulated_bankid(database_url: str, tmp_path: Path) -> None:
    staging = production(bankid_mock=True, bankid_client_id=None)
    async with playing(database_url, tmp_path, NOON, **staging) as play:
        browser = play.browser()
        status = (await browser.ask("{ serviceStatus { mode isBankidMock } }"))["serviceStatus"]
        page = await browser.http.get("/sandbox/")

    assert status == {"mode": "PRODUCTION", "isBankidMock": True}
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"environment": "staging", "kyc_provider": "mock"}, "a real vendor for KYC_PROVIDER"),
        ({"openbanking_webhook_secret": "mock-mode-only"}, "OPENBANKING_WEBHOOK_SECRET"),
        ({"kyc_provider": "mock"}, "KYC_PROVIDER"),
        ({"bankid_mock": True}, "IDENTITY_PROVIDER"),
        ({"bankid_mock": True, "environment": "staging"}, "STRIPE_SECRET_KEY is a live key"),
        ({"bankid_mock": True, "environment": "staging"}, "SUMSUB_APP_TOKEN is a live key"),
        ({"email_provider": "mock", "environment": "staging"}, "MOCK_MAIL_KEY"),
        ({"openbanking_client_cert": Path("/nowhere/client.pem")}, "OPENBANKING_CLIENT_CERT"),
        ({"stripe_prices": {"plan_plus": "price_1"}}, "STRIPE_PRICES"),
    ],
)
def test_what_is_not_safe_in_production_stops_the_start(changes: dict[str, Any], named: str) -> None:
    assert named in problems_of(**changes)


def test_a_live_key_beside_the_simulated_login_stops_mock_mode_as_well() -> None:
    with pytest.raises(InvalidSettings, match="STRIPE_SECRET_KEY is a live key"):
        load_settings(stripe_secret_key="sk_live_1", _env_file=None)


def test_a_forgotten_mode_does_not_make_live_keys_harmless() -> None:
    given = live()
    del given["service_mode"], given["environment"]
    with pytest.raises(InvalidSettings) as refused:
        load_settings(**given, _env_file=None)

    for named in ("SERVICE_MODE must be production", "SUMSUB_APP_TOKEN", "ENVIRONMENT is development"):
        assert named in str(refused.value)


def test_a_code_goes_to_no_scheme_or_page_that_another_app_may_claim() -> None:
    wrong = (
        "drop://auth",
        "javascript:/x",
        "http://localhost:1/auth",
        "https://app.drop.no",
        "https://app.drop.no/a#b",
    )
    with pytest.raises(InvalidSettings) as refused:
        load_settings(app_redirect_uris=",".join((*wrong, "https://app.drop.no/auth")), _env_file=None)

    assert [line.split("'")[1] for line in str(refused.value).splitlines()] == list(wrong)


@pytest.mark.parametrize(
    "name",
    [name for name, field in settings_class().model_fields.items() if "SecretStr" in str(field.annotation)],
)
@pytest.mark.parametrize("given", ["", "  "])
@pytest.mark.parametrize("mode", ["mock", "production"])
def test_a_secret_that_is_set_but_empty_stops_the_start(name: str, given: str, mode: str) -> None:
    settings = live() if mode == "production" else {}
    with pytest.raises(InvalidSettings, match=f"{name.upper()} is set but empty"):
        load_settings(**{**settings, name: given}, _env_file=None)


def test_an_empty_secret_in_a_file_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    monkeypatch.setenv("OPERATOR_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("FIELD_HASH_KEY_FILE", "")
    with pytest.raises(InvalidSettings, match="FIELD_HASH_KEY_FILE"):
        load_settings(_env_file=None)
    monkeypatch.delenv("FIELD_HASH_KEY_FILE")
    with pytest.raises(InvalidSettings, match="OPERATOR_TOKEN is set but empty"):
        load_settings(_env_file=None)
