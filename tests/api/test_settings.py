"""Settings that are wrong stop the start with one message that names each of them, and no secret."""

from pathlib import Path

import pytest

from gateway.settings.check import InvalidSettings, load_settings
from tests.builders.own_secrets import OWN


def test_every_wrong_switch_is_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None, kyc_provider="acme", sms_provider="pigeon", service_mode="mock", port=1)

    message = str(refused.value)
    assert "KYC_PROVIDER='acme' is unknown: choose mock or sumsub." in message
    assert "SMS_PROVIDER='pigeon' is unknown: choose mock or twilio." in message


def test_every_credential_that_a_chosen_vendor_lacks_is_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None, kyc_provider="sumsub", sms_provider="twilio", sumsub_app_token="sbx:1", **OWN)

    assert str(refused.value).splitlines() == [
        "SUMSUB_APP_SECRET is needed for KYC_PROVIDER=sumsub.",
        "SUMSUB_SECRET_KEY is needed for KYC_PROVIDER=sumsub.",
        "TWILIO_ACCOUNT_SID is needed for SMS_PROVIDER=twilio.",
        "TWILIO_AUTH_TOKEN is needed for SMS_PROVIDER=twilio.",
        "TWILIO_FROM is needed for SMS_PROVIDER=twilio.",
    ]


def test_what_a_vendor_cannot_use_is_named_and_no_secret_with_it() -> None:
    unusable = {
        "smtp_url": "http://user:the-credential@mail",
        "sendgrid_webhook_public_key": "bm8ga2V5",
        "twilio_api_url": "http://api.twilio.com",
        "aws_access_key_id": "AKIA1",
    }
    with pytest.raises(InvalidSettings, match="SENDGRID_TEMPLATES"):
        load_settings(_env_file=None, sendgrid_templates="welcome=d-1,greeting=d-2", **unusable)

    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None, **unusable)
    named = [line.split(" ")[0] for line in str(refused.value).splitlines()]
    assert sorted(named) == ["AWS_ACCESS_KEY_ID", "SENDGRID_WEBHOOK_PUBLIC_KEY", "SMTP_URL", "TWILIO_API_URL"]
    assert "the-credential" not in str(refused.value)


@pytest.mark.parametrize("address", ["https://[x", "https://drop.example:one", "https://drop example", "drop.example"])
def test_addresses_that_are_none_are_named(address: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None, public_url=address, allowed_origins=address, slack_webhook_url=address)

    assert [line.split(" ")[0] for line in str(refused.value).splitlines()] == [
        "PUBLIC_URL",
        "ALLOWED_ORIGINS:",
        "SLACK_WEBHOOK_URL",
    ]


def test_an_unknown_log_level_is_named() -> None:
    with pytest.raises(InvalidSettings, match="LOG_LEVEL: Input should be 'DEBUG'"):
        load_settings(_env_file=None, log_level="loud")


def test_a_secret_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPERATOR_TOKEN_FILE", str(tmp_path / "nowhere"))
    (tmp_path / "picture").write_bytes(b"\xff\xd8")
    monkeypatch.setenv("SLACK_WEBHOOK_URL_FILE", str(tmp_path / "picture"))
    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None)

    assert [line.split(" ")[0] for line in str(refused.value).splitlines()] == [
        "OPERATOR_TOKEN_FILE:",
        "SLACK_WEBHOOK_URL_FILE:",
    ]


def test_slack_is_chosen_by_its_address_and_needs_one() -> None:
    address = "https://hooks.slack.com/services/T0/B0/the-credential"

    assert load_settings(_env_file=None).vendor_of("alerts") == "console"
    assert load_settings(_env_file=None, slack_webhook_url=address).vendor_of("alerts") == "slack"
    aside = load_settings(_env_file=None, slack_webhook_url=address, alerts_provider="console")
    assert aside.vendor_of("alerts") == "console"
    with pytest.raises(InvalidSettings, match="SLACK_WEBHOOK_URL is needed for ALERTS_PROVIDER=slack"):
        load_settings(_env_file=None, alerts_provider="slack")


@pytest.mark.parametrize("address", ["hooks.slack.com/the-credential", "http://hooks.slack.com/the-credential", ""])
def test_a_wrong_slack_address_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None, slack_webhook_url=address)

    assert "SLACK_WEBHOOK_URL must be an https address" in str(refused.value)
    assert "the-credential" not in str(refused.value)


def test_production_keeps_what_the_law_names_as_long_as_the_law_wants() -> None:
    with pytest.raises(InvalidSettings) as refused:
        load_settings(_env_file=None, service_mode="production", records_kept_years=4)
    (line,) = [line for line in str(refused.value).splitlines() if line.startswith("RECORDS_KEPT_YEARS")]

    assert "5 at least" in line
    for law in ("hvitvaskingsloven § 30", "bokføringsloven § 13", "PSD2 art. 21 and 72"):
        assert law in line
    assert load_settings(_env_file=None, service_mode="mock", records_kept_years=1).records_kept_years == 1


def test_one_job_at_once_leaves_no_place_for_money() -> None:
    with pytest.raises(InvalidSettings, match="JOBS_AT_ONCE: Input should be greater than or equal to 2"):
        load_settings(_env_file=None, jobs_at_once=1)


@pytest.mark.parametrize(
    ("setting", "address", "says"),
    [
        ("stripe_api_url", "https://api.stripe.com.evil.example", "is no host of the vendor's, stripe.com"),
        ("stripe_api_url", "https://10.0.0.7", "is no host of the vendor's, stripe.com"),
        ("bankid_api_url", "https://notbankid.no/auth", "is no host of the vendor's, bankid.no"),
        ("openbanking_banks", "bank_dnb=https://api.notdnb.no", "api.notdnb.no is no host of the bank's, dnb.no"),
        ("openbanking_banks", "bank_dnb=https://10.0.0.7", "10.0.0.7 is no host of the bank's, dnb.no"),
        ("s3_api_url", "https://169.254.169.254", "is link-local"),
        ("s3_api_url", "https://[fe80::1]", "is link-local"),
        ("s3_api_url", "https://[::ffff:169.254.169.254]", "is link-local"),
        ("redis_url", "redis://169.254.169.254:6379/0", "is link-local"),
        ("smtp_url", "smtp://169.254.169.254:587", "is link-local"),
        ("otel_exporter_otlp_endpoint", "http://169.254.169.254:4318", "is link-local"),
        ("database_url", "postgresql://drop@169.254.169.254/drop", "is link-local"),
        ("database_url", "postgresql://drop@/drop?host=169.254.169.254:5432", "is link-local"),
    ],
)
def test_a_vendor_is_called_within_its_own_domain(setting: str, address: str, says: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{setting.upper()}: .* {says}"):
        load_settings(_env_file=None, **{setting: address})


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("bankid_api_url", "https://auth.current.bankid.no/auth/realms/current"),
        ("openpayments_api_url", "https://api.sandbox.openbankingplatform.com"),
        ("sendgrid_api_url", "https://api.eu.sendgrid.com"),
        ("twilio_api_url", "https://api.dublin.ie1.twilio.com"),
        ("s3_api_url", "https://10.0.0.7:9000"),
        ("stripe_api_url", "http://127.0.0.1:12111"),
    ],
)
def test_tests_regions_and_a_store_of_one_s_own_are_called(setting: str, address: str) -> None:
    assert getattr(load_settings(_env_file=None, **{setting: address}), setting) == address
