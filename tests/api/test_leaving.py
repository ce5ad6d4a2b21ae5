"""A user's data: all of it as a file, and what happens to it when they leave."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from db.personal_data import HOLDINGS
from db.tables.all import METADATA
from tests.api.test_upload import PNG, stored
from tests.builders.cards import paid, subscribe
from tests.builders.gateway import Play, Player, a_payment, nodes, pay, playing
from tests.builders.messages import outbox, update
from tests.conftest import NOON

EXPORT = "mutation { requestDataExport { dataExport { id status } userErrors { code } } }"
EXPORTS = "{ viewer { dataExports { edges { node { id status downloadUrl expiresAt sizeBytes } } } } }"
DELETE = """mutation($confirm: Boolean!) { deleteAccount(input: {confirm: $confirm}) {
  deletedAt kept { records what because until } userErrors { code message } } }"""
# Of the product and its machines, of no user.
IMPERSONAL = {
    "audit_awaiting",
    "audit_base",
    "audit_seal",
    "operator",
    "trusted_document",
    "job",
    "clock_offset",
    "vendor_move",
    "worker_heartbeat",
    "bank_habit",
    "difference",
}


async def everything(play: Play, player: Player) -> zipfile.ZipFile:
    await player.ask(EXPORT)
    await play.settle()
    (export,) = nodes((await player.ask(EXPORTS))["viewer"]["dataExports"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(play.app)) as anybody:
        download = await anybody.get(export["downloadUrl"])
    assert download.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(download.content))


async def delete(player: Player, *, confirm: bool = True) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(DELETE, confirm=confirm))["deleteAccount"]
    return payload


def test_every_table_is_somebodys_or_nobodys() -> None:
    held = {holding.table.name for holding in HOLDINGS}

    assert held | IMPERSONAL == {table.name for table in METADATA.sorted_tables}


async def test_the_export_holds_all_that_is_kept_and_no_secret(play: Play) -> None:
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    await paid(kari)
    upload = await stored(play, kari)

    archive = await everything(play, kari)

    names = set(archive.namelist())
    assert {"README.txt", "user.json", "payment.json", "bank_transaction.json", "kyc_application.json"} <= names
    assert archive.read(f"files/{upload}-kvittering.png") == PNG
    assert json.loads(archive.read("user.json"))[0]["name"] == "Kari Nordmann"
    assert [payment["rail"] for payment in json.loads(archive.read("payment.json"))] == ["BANK", "CARD"]
    whole = b"".join(archive.read(name) for name in names).decode("latin-1")
    for secret in ("token_hash", "client_secret", "_secret_", "state_hash", "national_identity_number_e", "risk_score"):
        assert secret not in whole


async def test_an_export_is_told_of_and_expires(play: Play) -> None:
    kari = await play.person()
    first = (await kari.ask(EXPORT))["requestDataExport"]["dataExport"]
    again = (await kari.ask(EXPORT))["requestDataExport"]["dataExport"]
    assert first == again

    await play.settle()
    assert "Dataene dine er klare" in await outbox(play)
    await play.advance(days=8)

    (export,) = nodes((await kari.ask(EXPORTS))["viewer"]["dataExports"])
    assert (export["status"], export["downloadUrl"]) == ("EXPIRED", None)
    assert "exports/" not in (await play.browser().http.get("/sandbox/files")).text


async def test_somebody_elses_export_is_not_in_ones_own(play: Play) -> None:
    silje = await play.approved("silje")
    await paid(silje, 77_700)
    kari = await play.person()

    archive = await everything(play, kari)

    assert json.loads(archive.read("payment.json")) == []
    assert b"Silje" not in b"".join(archive.read(name) for name in archive.namelist())


async def test_an_account_is_deleted_and_the_law_keeps_its_part(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(payment["authorisationUrl"], "approve")
    await paid(kari)
    await subscribe(kari)
    await stored(play, kari)
    await play.advance(seconds=2)

    deleted = await delete(kari)
    await play.settle()

    assert deleted["deletedAt"] is not None
    assert [(kept["records"], kept["because"]) for kept in deleted["kept"]] == [
        ("PAYMENTS", "Bokføringsloven § 13"),
        ("IDENTITY", "Hvitvaskingsloven § 30"),
        ("AUDIT_TRAIL", "Hvitvaskingsloven § 30"),
        ("CONSENTS", "Betalingstjenestedirektivet (PSD2) artikkel 21 og 72"),
    ]
    assert (await kari.ask("{ viewer { id } }"))["viewer"] is None
    assert (await outbox(play))[0] == "Kontoen din i Drop er slettet"
    counts = await rows(play)
    for gone in ("bank_transaction", "balance", "upload", "session", "user_event", "provider_pin", "webhook_event"):
        assert counts[gone] == 0, gone
    assert (counts["payment"], counts["consent"], counts["kyc_application"]) == (2, 1, 1)
    assert counts["audit_event"]
    home = (await play.browser().http.get("/sandbox/")).text
    assert "canceled" in home  # the plan ended at the vendor
    assert "uploads/" not in (await play.browser().http.get("/sandbox/files")).text


async def test_the_row_of_a_deleted_user_says_nothing_of_the_person(play: Play) -> None:
    kari = await play.approved()
    await update(kari, email="kari.ny@example.no", phone="+4790000001", address="Karl Johans gate 1")
    await play.settle()  # the codes are on their way
    await delete(kari)

    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        row = (await connection.execute(text('SELECT * FROM "user"'))).mappings().one()

    # An empty JSON column holds JSON's null.
    filled = {name for name, value in row.items() if value not in (None, "null")}
    marks = {"id", "issuer", "subject", "name", "created_at", "deleted_at"}
    assert filled == marks | {"national_identity_number_encrypted"}
    assert (row["issuer"], row["subject"]) == ("deleted", row["id"])
    assert "Kari" not in row["name"]


async def rows(play: Play) -> dict[str, int]:
    found = {}
    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        for table in METADATA.sorted_tables:
            found[table.name] = (await connection.execute(text(f'SELECT count(*) FROM "{table.name}"'))).scalar_one()
    return found


async def test_whoever_comes_back_is_a_new_user_and_the_old_rows_go_after_five_years(
    play: Play, database_url: str, tmp_path: Path
) -> None:
    kari = await play.approved()
    before = (await kari.ask("{ viewer { id } }"))["viewer"]["id"]
    await paid(kari)
    await delete(kari)

    again = await play.person()
    viewer = (await again.ask("{ viewer { id name payments { edges { node { id } } } } }"))["viewer"]
    async with playing(database_url, tmp_path, NOON + timedelta(days=5 * 365 + 10)) as later:
        await later.settle()
        counts = await rows(later)

    assert viewer["id"] != before
    assert (viewer["name"], viewer["payments"]["edges"]) == ("Kari Nordmann", [])
    assert (counts["user"], counts["payment"], counts["payment_event"]) == (1, 0, 0)


async def test_an_account_is_not_deleted_while_money_is_moving_or_by_mistake(play: Play) -> None:
    kari, account = await play.banked()
    scheduled = (await pay(kari, a_payment(account, executionDate="2026-12-01")))["payment"]
    await kari.press(scheduled["authorisationUrl"], "approve")
    moving = (await pay(kari, a_payment(account)))["payment"]
    await kari.press(moving["authorisationUrl"], "approve")

    refused = await delete(kari)
    unconfirmed = await delete(kari, confirm=False)

    assert [error["code"] for error in refused["userErrors"]] == ["INVALID_STATE"]
    assert [error["code"] for error in unconfirmed["userErrors"]] == ["CONFIRMATION_REQUIRED"]
    assert (await kari.ask("{ viewer { name } }"))["viewer"] == {"name": "Kari Nordmann"}


async def test_a_late_update_of_a_kept_payment_still_lands(play: Play) -> None:
    kari = await play.approved()
    await paid(kari)
    await delete(kari)

    await play.browser().http.post("/sandbox/cards/disputes/pi_000001", data={"decision": "open"})
    await play.settle()

    counts = await rows(play)
    assert (counts["dispute"], counts["webhook_event"]) == (1, 0)
