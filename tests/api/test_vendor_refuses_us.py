"""Operators are told of what is theirs to mend: credentials that a vendor refuses, and certificates that end."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import text

from domain.errors import VendorRefusesUs
from providers.storage.port import Bucket, ObjectKey
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import Play, playing
from tests.conftest import NOON
from tests.vendors.enable_banking import OUR_KEY
from tests.vendors.stripe import PRICES

BANKS = "{ banks { id } }"
VERIFY = "mutation { startKyc { kyc { status } userErrors { code } } }"
MOVE = 'mutation { updateProfile(input: {address: "Karl Johans gate 1, 0154 Oslo"}) { userErrors { code } } }'


def asked_of(vendor: str, url: str) -> tuple[dict[str, Any], str]:
    """The settings of a vendor at this address, and an operation that calls it."""
    return {
        "sumsub": (
            {
                "kyc_provider": "sumsub",
                "sumsub_api_url": url,
                "sumsub_app_token": "sbx:token",
                "sumsub_app_secret": "secret",
                "sumsub_secret_key": "secret",
            },
            VERIFY,
        ),
        "google": (
            {"geocoding_provider": "google", "google_maps_api_url": url, "google_maps_api_key": "AIza-1"},
            MOVE,
        ),
        "open_payments": (
            {
                "open_banking_provider": "open_payments",
                "openpayments_api_url": url,
                "openpayments_auth_api_url": url,
                "openbanking_client_id": "drop",
                "openbanking_client_secret": "secret",
                "openbanking_webhook_secret": "relay",
            },
            BANKS,
        ),
        "enable_banking": (
            {
                "open_banking_provider": "enable_banking",
                "enablebanking_api_url": url,
                "enablebanking_app_id": "app",
                "enablebanking_private_key": OUR_KEY.as_pem(private=True).decode(),
            },
            BANKS,
        ),
    }[vendor]


async def alerts_of(play: Play, capsys: Any) -> Sequence[str]:
    """The titles of the critical alerts."""
    await play.settle()
    await play.gateway.services.incidents.drain()
    told = capsys.readouterr().err
    blocks = told.split("Drop Development Alert — ")[1:]
    return [block.splitlines()[1] for block in blocks if block.startswith("Critical")]


@pytest.mark.parametrize(
    ("vendor", "status", "body", "name"),
    [
        ("sumsub", 401, '{"errorName": "app-token-signature-mismatch"}', "kyc:sumsub"),
        ("sumsub", 403, "{}", "kyc:sumsub"),
        ("google", 200, '{"status": "REQUEST_DENIED", "results": []}', "geocoding:google"),
        ("google", 403, "{}", "geocoding:google"),
        ("open_payments", 400, '{"error": "invalid_client"}', "open_banking:open_payments"),
        ("open_payments", 401, "{}", "open_banking:open_payments"),
        ("enable_banking", 401, '{"error": "UNAUTHORIZED_ACCESS"}', "open_banking:enable_banking"),
        ("enable_banking", 403, '{"error": "UNAUTHORIZED_IP"}', "open_banking:enable_banking"),
    ],
)
async def test_operators_are_told_at_once_that_a_vendor_does_not_take_our_credentials(
    database_url: str, tmp_path: Path, capsys: Any, vendor: str, status: int, body: str, name: str
) -> None:
    async with counterpart(answer(status, body, content_type="application/json")) as there:
        settings, operation = asked_of(vendor, there.url)
        async with playing(database_url, tmp_path, NOON, **settings) as play:
            kari = await play.person()
            for _ in range(2):
                await kari.post(operation)

            alerts = await alerts_of(play, capsys)

    assert alerts == [f"Title: Vendor refuses us: {name}"]


async def test_a_refused_key_at_the_card_vendor_and_at_the_store_of_files_is_told(
    database_url: str, tmp_path: Path, capsys: Any
) -> None:
    stripe_says = answer(401, '{"error": {"type": "invalid_request_error"}}', content_type="application/json")
    store_says = answer(403, "<Error><Code>InvalidAccessKeyId</Code></Error>", content_type="application/xml")
    async with counterpart(stripe_says) as stripe, counterpart(store_says) as store:
        settings: dict[str, Any] = {
            "card_payments_provider": "stripe",
            "stripe_api_url": stripe.url,
            "stripe_secret_key": "sk_test_1",
            "stripe_publishable_key": "pk_test_1",
            "stripe_webhook_secret": "whsec_1",
            "stripe_prices": PRICES,
            "storage_provider": "s3",
            "s3_api_url": store.url,
            "s3_uploads_bucket": "uploads",
            "s3_exports_bucket": "exports",
            "s3_public_bucket": "public",
            "aws_access_key_id": "key",
            "aws_secret_access_key": "secret",
        }
        async with playing(database_url, tmp_path, NOON, **settings) as play:
            adapters = play.gateway.infrastructure.adapters
            with pytest.raises(VendorRefusesUs):
                await adapters.cards["stripe"].retrieve("pi_1")
            with pytest.raises(VendorRefusesUs):
                await adapters.storage["s3"].head(ObjectKey(Bucket.UPLOADS, "a/b"))

            alerts = await alerts_of(play, capsys)

    assert alerts == ["Title: Vendor refuses us: card_payments:stripe", "Title: Vendor refuses us: storage:s3"]


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        ("sumsub", 404, "{}"),
        ("google", 200, '{"status": "ZERO_RESULTS", "results": []}'),
        ("enable_banking", 401, '{"error": "EXPIRED_SESSION"}'),
        ("enable_banking", 422, '{"error": "WRONG_REQUEST_PARAMETERS"}'),
    ],
)
async def test_a_no_that_is_about_the_user_alerts_nobody(
    database_url: str, tmp_path: Path, capsys: Any, vendor: str, status: int, body: str
) -> None:
    async with counterpart(answer(status, body, content_type="application/json")) as there:
        settings, operation = asked_of(vendor, there.url)
        async with playing(database_url, tmp_path, NOON, **settings) as play:
            kari = await play.person()
            await kari.post(operation)

            alerts = await alerts_of(play, capsys)

    assert alerts == []


async def test_operators_are_told_each_day_of_a_certificate_that_ends_within_thirty(
    database_url: str, tmp_path: Path, capsys: Any
) -> None:
    authority, file = trustme.CA(key_type=trustme.KeyType.RSA), tmp_path / "client.pem"

    def issue(days: int) -> None:
        new = authority.issue_cert(common_name="QWAC", not_after=NOON + timedelta(days=days))
        new.private_key_and_cert_chain_pem.write_to_path(tmp_path / "new.pem")
        os.replace(tmp_path / "new.pem", file)

    issue(days=31)
    settings, _ = asked_of("open_payments", "http://127.0.0.1:1")
    async with playing(database_url, tmp_path, NOON, openbanking_client_cert=file, **settings) as play:
        certificates = play.gateway.services.certificate_ends
        seen = [await alerts_of(play, capsys)]
        issue(days=20)
        await certificates.look()
        seen.append(await alerts_of(play, capsys))
        file.write_text("no certificate")
        await certificates.look()
        seen.append(await alerts_of(play, capsys))
        async with play.gateway.infrastructure.database.read_engine.connect() as connection:
            queued = await connection.execute(text("SELECT DISTINCT kind FROM job WHERE kind LIKE '%certificates'"))
            kinds = queued.scalars().all()

    assert kinds == ["watch_certificates"]
    assert seen == [[], ["Title: Certificate ends soon"], ["Title: Certificate cannot be read"]]
