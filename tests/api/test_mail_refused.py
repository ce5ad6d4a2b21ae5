"""A mail vendor that takes nothing from us: operators are told at once, not when the last try has failed."""

from pathlib import Path
from typing import Any

from providers.email.mock_key import public_key_of
from tests.builders.counterpart import answer, counterpart
from tests.builders.gateway import playing
from tests.conftest import NOON


async def test_operators_are_told_that_messages_are_refused(database_url: str, tmp_path: Path, capsys: Any) -> None:
    refusal = answer(401, '{"errors": [{"message": "authorization required", "field": null}]}')
    async with counterpart(refusal) as vendor:
        real: dict[str, Any] = {
            "email_provider": "sendgrid",
            "sendgrid_api_url": vendor.url,
            "sendgrid_api_key": "SG.key",
            "sendgrid_webhook_public_key": public_key_of("sendgrid's own"),
            "email_from_address": "post@drop.example",
        }
        async with playing(database_url, tmp_path, NOON, **real) as play:
            await play.person()
            await play.settle()
            await play.gateway.services.incidents.drain()

    told = capsys.readouterr().err
    assert "Drop Development Alert — Critical" in told
    assert "Title: Messages are refused" in told
    assert "email: the vendor refuses us (401" in told
