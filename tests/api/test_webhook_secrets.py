"""While a vendor's webhook secret is changed, what either secret has signed is taken, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import BadSignature
from providers.email import sendgrid_events
from providers.email.mock_key import private_key_of, public_key_of
from providers.open_banking.bank_notification import NotificationAddress
from sandbox.webhooks import signature
from tests.api.test_side_routes import bank_event
from tests.builders.gateway import BASE, playing
from tests.conftest import NOON

SETTINGS = {
    "stripe": "stripe_webhook_secret",
    "sumsub": "sumsub_secret_key",
    "openbanking": "openbanking_webhook_secret",
    "twilio": "twilio_auth_token",
}
BODIES = {
    "stripe": b'{"id":"evt_1","type":"charge.updated","data":{"object":{"object":"charge","id":"ch_1"}}}',
    "sumsub": b'{"type":"applicantReviewed","applicantId":"a_1","externalUserId":"usr_1","createdAtMs":"1"}',
    "openbanking": bank_event(),
    "twilio": b"MessageSid=SM1&MessageStatus=delivered",
}


def signed(vendor: str, secret: str, raw: bytes) -> Mapping[str, str]:
    made = {"mail_signing_key": private_key_of(secret), **{name: secret for name in SETTINGS.values()}}
    world: Any = SimpleNamespace(settings=SimpleNamespace(**made), now=NOON + timedelta(seconds=3))
    return signature(world, vendor, raw, f"{BASE}/api/webhooks/twilio")


@pytest.mark.parametrize("vendor", SETTINGS)
async def test_either_secret_of_a_vendor_is_taken_while_it_is_changed(
    database_url: str, tmp_path: Path, vendor: str
) -> None:
    raw, taken = BODIES[vendor], {}
    secrets: dict[str, Any] = {SETTINGS[vendor]: "the new one", f"{SETTINGS[vendor]}_previous": "the old one"}
    async with playing(database_url, tmp_path, NOON, **secrets) as play:
        for secret in ("the new one", "the old one", "another one", ""):
            headers = signed(vendor, secret, raw) if secret else {}
            answer = await play.browser().http.post(f"/api/webhooks/{vendor}", content=raw, headers=headers)
            taken[secret] = answer.status_code

    assert taken == {"the new one": 202, "the old one": 202, "another one": 401, "": 401}


def test_a_mail_report_is_taken_by_either_key() -> None:
    verifiers = [sendgrid_events.verifier_of(public_key_of(secret)) for secret in ("new", "old")]

    for secret in ("new", "old"):
        sendgrid_events.verify(b"[]", signed("sendgrid", secret, b"[]"), verifiers, NOON)
    with pytest.raises(BadSignature):
        sendgrid_events.verify(b"[]", signed("sendgrid", "another", b"[]"), verifiers, NOON)


def test_an_address_that_a_bank_was_given_before_the_change_is_still_ours() -> None:
    hook, raw = f"{BASE}/api/webhooks/openbanking", b'{"transactionStatus":"ACSC"}'
    changed = NotificationAddress(hook, "new", "old")

    for secret in ("new", "old"):
        assert changed.read(raw, NotificationAddress(hook, secret).about("D-1")).end_to_end_id == "D-1"
    with pytest.raises(BadSignature):
        changed.read(raw, NotificationAddress(hook, "another").about("D-1"))
    assert changed.about("D-1") == NotificationAddress(hook, "new").about("D-1")
