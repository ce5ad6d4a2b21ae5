"""What each stage demands at the start: live, a vendor's test world, and mock mode. The table is docs/security.md's."""

import base64
from typing import Any

import pytest

from gateway.settings.check import InvalidSettings, load_settings
from gateway.settings.stage import Stage, stage_of
from tests.api.test_production import live, production
from tests.builders.own_secrets import OWN

TWILIO = {
    "sms_provider": "twilio",
    "twilio_account_sid": "AC1",
    "twilio_auth_token": "secret",
    "twilio_from": "Drop",
}
BANKID = {"bankid_mock": False, "bankid_client_id": "drop", "bankid_client_secret": "secret"}
TEST_BANKID = "https://auth.current.bankid.no/auth/realms/current"
DIRECT = {
    "open_banking_provider": "direct",
    "openbanking_webhook_secret": "secret",
    "openbanking_client_cert": "/nowhere",
}
ZEROS = base64.urlsafe_b64encode(bytes(32)).decode()
DOCUMENTED = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="


def refused(given: dict[str, Any]) -> list[str]:
    """The lines with which the start is refused; none where it starts."""
    try:
        load_settings(_env_file=None, **given)
    except InvalidSettings as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("given", "stage"),
    [
        ({}, Stage.MOCK),
        ({"host": "0.0.0.0", "environment": "staging"}, Stage.MOCK),
        ({"alerts_provider": "slack", "slack_webhook_url": "https://hooks.slack.com/services/x"}, Stage.MOCK),
        ({**TWILIO, "twilio_api_url": "http://127.0.0.1:1"}, Stage.MOCK),
        ({**TWILIO, **OWN}, Stage.TEST),
        ({**BANKID, "bankid_api_url": TEST_BANKID, **OWN}, Stage.TEST),
        (production(), Stage.TEST),
        (live(), Stage.LIVE),
    ],
)
def test_what_is_real_decides_the_stage(given: dict[str, Any], stage: Stage) -> None:
    assert stage_of(load_settings(_env_file=None, **given)) is stage


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"stripe_secret_key": "sk_live_1"}, "STRIPE_SECRET_KEY"),
        ({"stripe_secret_key": "rk_live_1"}, "STRIPE_SECRET_KEY"),
        ({"sumsub_app_token": "prd:1"}, "SUMSUB_APP_TOKEN"),
        (BANKID, "BANKID_API_URL"),
        ({**BANKID, "bankid_mock": True}, "BANKID_API_URL"),
        ({**DIRECT, "openbanking_banks": "bank_dnb=https://api.psd.dnb.no"}, "OPENBANKING_BANKS"),
        (
            {"open_banking_provider": "open_payments", "openbanking_client_id": "drop"},
            "OPENPAYMENTS_API_URL, OPENPAYMENTS_AUTH_API_URL",
        ),
        (production(stripe_secret_key="sk_live_1", service_mode="mock"), "STRIPE_SECRET_KEY"),
    ],
)
def test_a_live_key_or_address_is_live_in_mock_mode_too(given: dict[str, Any], named: str) -> None:
    assert any(
        line.startswith(f"SERVICE_MODE must be production beside what is live ({named})") for line in refused(given)
    )


def test_staging_beside_a_live_key_is_live() -> None:
    assert sorted(line.split(" ")[0] for line in refused(production(stripe_secret_key="sk_live_1"))) == [
        "DATABASE_URL",
        "OPENBANKING_WEBHOOK_SECRET",
        "OPERATOR_PORT",
        "STRIPE_WEBHOOK_SECRET",
        "SUMSUB_APP_TOKEN",
        "SUMSUB_SECRET_KEY",
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"public_url": "http://api.drop.example"}, "PUBLIC_URL must be an https address"),
        ({"public_url": "https://localhost"}, "PUBLIC_URL must be the https address"),
        ({"operator_token": None}, "OPERATOR_TOKEN is needed"),
        ({"operator_token": "x"}, "OPERATOR_TOKEN is too weak"),
        ({"default_return_to": "/sandbox/"}, "DEFAULT_RETURN_TO is needed"),
        ({"default_return_to": "http://app.drop.example/"}, "DEFAULT_RETURN_TO must be an https address"),
        ({"default_return_to": "https://localhost/"}, "DEFAULT_RETURN_TO must be an https address"),
        ({"environment": "development"}, "ENVIRONMENT is development"),
        ({"allowed_origins": "http://app.drop.example"}, "ALLOWED_ORIGINS: http://app.drop.example"),
        ({"allowed_origins": "https://localhost:3000"}, "ALLOWED_ORIGINS: https://localhost:3000"),
        ({"web_session_idle_minutes": 6}, "WEB_SESSION_IDLE_MINUTES must be 5"),
        ({"operator_port": None}, "OPERATOR_PORT is needed"),
        ({"operator_port": 8000}, "OPERATOR_PORT must be another one"),
        ({"two_operators_resolve": False}, "TWO_OPERATORS_RESOLVE cannot be false"),
        ({"stripe_secret_key": "sk_test_1"}, "STRIPE_SECRET_KEY leads to the vendor's test world"),
        ({"sumsub_app_token": "sbx:1"}, "SUMSUB_APP_TOKEN leads to the vendor's test world"),
        ({"bankid_api_url": TEST_BANKID}, "BANKID_API_URL leads to the vendor's test world"),
        ({"email_provider": "mock"}, "EMAIL_PROVIDER"),
        ({"kyc_provider": "mock"}, "KYC_PROVIDER"),
        ({"field_hash_key": "mock-mode-only"}, "FIELD_HASH_KEY is needed"),
        ({"field_hash_key": "x"}, "FIELD_HASH_KEY is too weak"),
        ({"field_hash_key": "0" * 64}, "FIELD_HASH_KEY is too weak"),
        ({"field_encryption_keys": ZEROS}, "FIELD_ENCRYPTION_KEYS has a key that is not random"),
        ({"field_encryption_keys": DOCUMENTED}, "FIELD_ENCRYPTION_KEYS has a key that is not random"),
        ({"openbanking_webhook_secret": "secret"}, "OPENBANKING_WEBHOOK_SECRET is too weak"),
        ({"stripe_webhook_secret": "whsec_1"}, "STRIPE_WEBHOOK_SECRET is none that its vendor has made"),
        ({"sumsub_secret_key": "0" * 32}, "SUMSUB_SECRET_KEY is none that its vendor has made"),
        ({"database_url": "sqlite:///var/drop.sqlite3"}, "DATABASE_URL must be PostgreSQL"),
        ({"database_url": "postgresql://drop@db.example/drop"}, "DATABASE_URL must be encrypted"),
        ({"database_url": "postgresql://drop@10.0.0.7/drop?sslmode=require"}, "DATABASE_URL must be encrypted"),
        ({"database_url": "postgresql://drop@/drop?host=db.example:5432"}, "DATABASE_URL must be encrypted"),
        ({"database_url": "postgresql://drop@/drop?host=/run/a&host=db.example"}, "DATABASE_URL must be encrypted"),
        ({"redis_url": "redis://redis:6379/0"}, "REDIS_URL must be encrypted"),
        ({"redis_url": "rediss://redis:6379/0?ssl_cert_reqs=none"}, "REDIS_URL must be encrypted"),
        ({"redis_url": "rediss://redis:6379/0?ssl_check_hostname=false"}, "REDIS_URL must be encrypted"),
    ],
)
def test_what_a_bank_would_refuse_does_not_start_live(changes: dict[str, Any], named: str) -> None:
    lines = refused(live(**changes))

    assert any(line.startswith(named) or f": {named}." in line for line in lines), lines


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"database_url": "postgresql://drop@db.example/drop?sslmode=verify-full&sslrootcert=/etc/ca.pem"},
        {"database_url": "postgresql://drop@127.0.0.1/drop"},
        {"database_url": "postgresql://drop@[::1]:5432/drop"},
        {"database_url": "postgresql://drop:secret@/drop?host=/run/postgresql"},
        {"redis_url": "rediss://redis:6379/0?ssl_ca_certs=/etc/ca.pem"},
        {"redis_url": "unix:///run/redis/redis.sock"},
        {"redis_url": "redis://127.0.0.1:6379/0"},
        {"redis_url": None},
        {"s3_api_url": "https://10.0.0.7:9000", "otel_exporter_otlp_endpoint": "http://10.0.0.8:4318"},
        {"smtp_url": "smtp://drop:secret@10.0.0.9:587"},
    ],
)
def test_what_starts_live(changes: dict[str, Any]) -> None:
    assert refused(live(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"field_encryption_keys": None}, "FIELD_ENCRYPTION_KEYS is needed beside a real vendor (twilio)"),
        ({"field_hash_key": None}, "FIELD_HASH_KEY is needed beside a real vendor (twilio)"),
        ({"operator_token": None}, "OPERATOR_TOKEN is needed beside a real vendor (twilio)"),
        ({"public_url": "http://drop.example"}, "PUBLIC_URL must be an https address"),
        ({"host": "0.0.0.0"}, "A mock beside a real vendor (twilio), where others reach it, needs ENVIRONMENT=staging"),
    ],
)
def test_a_vendors_test_world_wants_keys_of_our_own(changes: dict[str, Any], named: str) -> None:
    given = {name: value for name, value in {**TWILIO, **OWN, **changes}.items() if value is not None}
    (line,) = refused(given)

    assert line.startswith(named)


@pytest.mark.parametrize(
    "given",
    [
        {**TWILIO, **OWN},
        {**TWILIO, **OWN, "host": "0.0.0.0", "environment": "staging"},
        production(),
        production(public_url="http://localhost:8000", kyc_provider="mock"),
        {},
        {"host": "0.0.0.0"},
    ],
)
def test_what_starts_as_a_test_or_a_mock(given: dict[str, Any]) -> None:
    assert refused(given) == []


@pytest.mark.parametrize("scheme", ["https", "javascript", "JavaScript", "data", "no drop"])
def test_a_scheme_of_browsers_is_no_app(scheme: str) -> None:
    assert [line.split(":")[0] for line in refused({"app_schemes": scheme})] == ["APP_SCHEMES"]


@pytest.mark.parametrize(
    ("query", "says"),
    [("sslmode=on", "sslmode is one of"), ("sslrootcert=/etc/ca.pem", "sslrootcert needs sslmode=verify-full")],
)
def test_words_of_tls_that_are_none_are_named(query: str, says: str) -> None:
    (line,) = refused({"database_url": f"postgresql://drop@127.0.0.1/drop?{query}"})

    assert line.startswith(f"DATABASE_URL: {says}")
