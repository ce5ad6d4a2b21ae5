"""A vendor that the product does not know: its declaration and its place in the registry are all that it takes."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from pydantic import BaseModel, Field, SecretStr

from domain.errors import BadSignature
from domain.notification import NotificationStatus
from gateway.settings.check import InvalidSettings, load_settings
from gateway.settings.env_example import env_example
from providers.declaration import Tools, Vendor
from providers.delivery import DeliveryReport
from providers.registry import SMS
from providers.setting_types import secret_of
from providers.sms.port import SmsMessage
from tests.builders.gateway import Play, playing
from tests.builders.messages import notifications, update
from tests.builders.own_secrets import OPERATOR_TOKEN, OWN
from tests.conftest import NOON

SIGNATURE: Final = "x-pigeon-signature"
SECRET: Final = "the pigeon's"
HOME: Final = "/api/webhooks/pigeon"


class PigeonSettings(BaseModel):
    """What the pigeons are signed with."""

    pigeon_secret: SecretStr | None = Field(default=None, description="Pigeon Post, Loft > secret.")


@dataclass
class PigeonSms:
    """Keeps what it was given, and the address that it would report to."""

    secret: bytes
    status_url: str
    sent: list[SmsMessage] = field(default_factory=list)

    async def send(self, message: SmsMessage) -> str:
        self.sent.append(message)
        return f"pigeon_{len(self.sent)}"

    def parse_status(self, raw: bytes, headers: Mapping[str, str], url: str) -> DeliveryReport:
        if not hmac.compare_digest(headers.get(SIGNATURE, ""), signed(raw)[SIGNATURE]):
            raise BadSignature("X-Pigeon-Signature does not match.")
        return self.read_status(raw)

    def read_status(self, raw: bytes) -> DeliveryReport:
        pigeon = json.loads(raw)["pigeon"]
        return DeliveryReport(f"{pigeon}:home", raw, None, pigeon, NotificationStatus.DELIVERED, "home")


def signed(raw: bytes) -> dict[str, str]:
    return {SIGNATURE: hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[PigeonSms]:
    """The adapters that were built of the vendor, which is registered for one test."""
    adapters = []

    def build(settings: PigeonSettings, tools: Tools) -> PigeonSms:
        adapters.append(PigeonSms(secret_of(settings.pigeon_secret).encode(), tools.webhook_url))
        return adapters[-1]

    pigeon = Vendor("pigeon", PigeonSettings, build, needs=("pigeon_secret",))
    monkeypatch.setattr(SMS, "vendors", (*SMS.vendors, pigeon))
    return adapters


@pytest.fixture
async def play(built: list[PigeonSms], database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(database_url, tmp_path, NOON, sms_provider="pigeon", pigeon_secret=SECRET, **OWN) as play:
        yield play


async def test_its_report_comes_to_its_own_address_and_moves_the_message(play: Play, built: list[PigeonSms]) -> None:
    await update(await play.person(), phone="+4790000001")
    await play.settle()
    assert [message.to for message in built[0].sent] == ["+4790000001"]
    assert ("contact_code_sms", "SENT") in await notifications(play)

    raw = b'{"pigeon": "pigeon_1"}'
    posted = await play.browser().http.post(built[0].status_url, content=raw, headers=signed(raw))
    await play.settle()

    assert (posted.status_code, built[0].status_url.endswith(HOME)) == (202, True)
    assert ("contact_code_sms", "DELIVERED") in await notifications(play)


async def test_its_signature_opens_no_other_vendors_address(play: Play) -> None:
    http, raw = play.browser().http, b'{"pigeon": "pigeon_1"}'
    forged = {SIGNATURE: "0" * 64}

    assert (await http.post(HOME, content=raw, headers=forged)).status_code == 401
    assert (await http.post("/api/webhooks/twilio", content=raw, headers=signed(raw))).status_code in (400, 401)


async def test_what_a_vendor_sent_that_is_not_set_up_any_more_waits(
    built: list[PigeonSms], database_url: str, tmp_path: Path
) -> None:
    raw = b'{"pigeon": "pigeon_1"}'
    async with playing(database_url, tmp_path, NOON, sms_provider="pigeon", pigeon_secret=SECRET, **OWN) as play:
        assert (await play.browser().http.post(HOME, content=raw, headers=signed(raw))).status_code == 202

    async with playing(database_url, tmp_path, NOON, **OWN) as play:
        await play.settle()
        operator = {"authorization": f"Bearer {OPERATOR_TOKEN}"}
        received = (await play.browser().http.get("/api/operator/webhooks", headers=operator)).json()["webhooks"]

        assert [(one["provider"], one["status"]) for one in received] == [("pigeon", "PARKED")]
        assert (await play.browser().http.post(HOME, content=raw, headers=signed(raw))).status_code == 404


@pytest.mark.usefixtures("built")
def test_its_settings_are_known_needed_and_read_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "# Pigeon Post, Loft > secret.\n#PIGEON_SECRET=\n" in env_example()
    with pytest.raises(InvalidSettings, match="PIGEON_SECRET is needed for SMS_PROVIDER=pigeon"):
        load_settings(_env_file=None, sms_provider="pigeon")

    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("PIGEON_SECRET_FILE", str(tmp_path / "secret"))

    settings = load_settings(_env_file=None, sms_provider="pigeon", **OWN)
    assert secret_of(settings.of(PigeonSettings).pigeon_secret) == SECRET
    assert settings.vendors_of("sms") == ("mock", "pigeon")
