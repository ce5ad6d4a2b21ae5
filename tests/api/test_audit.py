"""Acts stand in the audit trail with ids alone, and operators read it; a chain is verified and exported."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from db.tables.all import METADATA
from tests.api.test_cards import become, holder, issue
from tests.api.test_commands import gateway
from tests.api.test_upload import stored
from tests.builders.cards import REFUND, paid
from tests.builders.gateway import Play, Player, a_payment, pay, playing
from tests.builders.messages import code_sent, confirm_contact, update
from tests.conftest import NOON

AUDIT = "/api/operator/audit"
TRAIL = METADATA.tables["audit_event"]
EMAIL, PHONE = "kari.ny@example.no", "+4740000099"


async def entries(play: Play, **about: str) -> list[dict[str, Any]]:
    answer = await play.browser().http.get(AUDIT, params=about)
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def user_of(player: Player) -> str:
    user: str = (await player.ask("{ viewer { id } }"))["viewer"]["id"]
    return user


async def test_what_a_user_does_stands_in_the_trail_with_ids_alone(play: Play) -> None:
    kari, account = await play.banked()
    user = await user_of(kari)
    assert (await update(kari, email=EMAIL))["userErrors"] == []
    assert (await confirm_contact(kari, "EMAIL", await code_sent(play)))["userErrors"] == []
    assert (await update(kari, phone=PHONE))["userErrors"] == []
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await kari.ask("mutation { requestDataExport { userErrors { code } } }")
    assert (await kari.http.post("/auth/logout", headers={"x-drop-csrf": "1"})).status_code == 204

    found = await entries(play, user=user, limit="500")
    of_payment = await entries(play, object=payment["id"])
    page = await entries(play, user=user, limit="2", before=found[2]["id"])

    actions = [one["action"] for one in found]
    assert {"signed_in", "kyc_approved", "bank_link_active", "contact_changed", "signed_out"} <= set(actions)
    assert {"payment_authorisation_required", "payment_processing"} <= {one["action"] for one in of_payment}
    assert any(action.startswith("data_export_") for action in actions)
    assert [one["id"] for one in page] == [one["id"] for one in found[3:5]]
    whole = json.dumps(found)
    assert [value for value in (EMAIL, PHONE, "Kari", "Nordmann") if value in whole] == []


@pytest.fixture
async def issuing(database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    on: dict[str, Any] = {"feature_cardholders": True, "feature_virtual_cards": True}
    async with playing(database_url, tmp_path, NOON, **on) as play:
        yield play


async def test_cards_files_and_refunds_stand_in_the_trail(issuing: Play) -> None:
    kari = await holder(issuing)
    card = (await issue(kari))["card"]["id"]
    await become(kari, "freezeCard", card)
    upload = await stored(issuing, kari)
    payment = await paid(kari)
    given = {"id": payment, "amount": {"amountMinor": "100", "currency": "NOK"}, "idempotencyKey": "audited-refund-1"}
    refund = (await kari.ask(REFUND, input=given))["refundPayment"]["refund"]["id"]
    await issuing.settle()

    found = {
        what: [one["action"] for one in reversed(await entries(issuing, object=what))]
        for what in (card, upload, refund)
    }

    assert found[card] == ["card_requested", "card_active", "card_frozen"]
    assert found[upload] == ["upload_pending", "upload_stored"]
    assert found[refund] == ["refund_pending", "refund_succeeded"]
    (first, *_) = await entries(issuing, object=refund)
    assert (first["user"], first["detail"]) == (await user_of(kari), {"payment": payment})


async def test_operators_reads_and_acts_are_audited_and_refused_ones_counted(database_url: str, tmp_path: Path) -> None:
    async with playing(database_url, tmp_path, NOON, operator_token="t" * 32) as play:
        http = play.browser(authorization=f"Bearer {'t' * 32}").http
        for _ in range(3):
            await http.get("/api/operator/payments/pay_1/timeline")
            await http.get("/metrics")
            await play.browser().http.get("/api/operator/jobs")
            await play.browser().http.post("/api/webhooks/stripe", content=b"{}")
        await http.post("/api/operator/webhooks/whk_1/replay")
        both = await http.get(AUDIT, params={"user": "usr_1", "object": "pay_1"})
        await play.gateway.services.audit.look()
        read = (await http.get(AUDIT, params={"object": "pay_1"})).json()["entries"]
        replayed = (await http.get(AUDIT, params={"object": "whk_1"})).json()["entries"]
        async with play.gateway.infrastructure.database.read_engine.connect() as connection:
            query = select(TRAIL.c.action, TRAIL.c.detail).where(TRAIL.c.operator.is_(None))
            counted = {row.action: row.detail for row in await connection.execute(query)}

    assert [(one["action"], one["operator"]) for one in read] == [("operator_reads", "bootstrap")]
    assert [(one["action"], one["operator"]) for one in replayed] == [("operator_acts", "bootstrap")]
    assert (both.status_code, both.json()["code"]) == (400, "USER_OR_OBJECT")
    assert counted["operator_refused"]["times"] == 3


def test_the_chain_is_verified_and_exported_from_the_command_line(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "drop.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    engine = create_engine(f"sqlite:///{tmp_path}/drop.sqlite3")
    row = "INSERT INTO audit_event (id, action, detail, at) VALUES ('aud_1', 'signed_in', '{}', '2026-11-24 12:00:00')"
    with engine.begin() as connection:
        connection.execute(text(row))
    empty = gateway("audit", "verify", folder=tmp_path)
    with engine.begin() as connection:
        seal = "INSERT INTO audit_seal (number, event_id, hash, sealed_at) VALUES (1, 'aud_1', 'f', '2026-11-24 12:00')"
        connection.execute(text(seal))
    forged = gateway("audit", "verify", folder=tmp_path)
    exported = gateway("audit", "export", folder=tmp_path)
    engine.dispose()

    assert "1 wait for their seal" in empty.stdout
    assert (forged.returncode, "entry 1 (aud_1): it was changed" in forged.stderr.replace("\n", " ")) == (1, True)
    assert [json.loads(line)["action"] for line in exported.stdout.splitlines()] == ["signed_in"]
