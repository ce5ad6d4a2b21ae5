"""What an export holds, what it may not tell, and that nothing odd holds it up."""

import asyncio
import io
import json
import random
import time
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, text
from sqlmodel import select

from db.personal_data import HOLDINGS
from db.tables.all import METADATA
from db.tables.file import UploadRow
from domain.errors import Unavailable
from domain.upload import MAX_BYTES
from providers.storage.mock import MockObjectStore
from providers.storage.port import Bucket, ObjectKey
from tests.api.test_leaving import EXPORT, EXPORTS, delete, everything
from tests.api.test_upload import stored
from tests.builders.cards import paid
from tests.builders.gateway import Play, Player, a_payment, nodes, pay, playing
from tests.builders.messages import update
from tests.conftest import NOON

UPLOADS = METADATA.tables["upload"]
START = "mutation { startKyc { kyc { status } } }"
LABELS = '["SANCTIONS", "PEP", "ADVERSE_MEDIA", "SELFIE_MISMATCH"]'
CHECKS = '[{"kind": "SANCTIONS", "result": "FAILED"}, {"kind": "LIVENESS", "result": "PASSED"}]'
UNTOLD = ("SANCTIONS", "PEP", "ADVERSE_MEDIA", "POLITICALLY", "FORGERY", "risk", "bank called us")


@pytest.fixture
async def play(either_database_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(either_database_url, tmp_path, NOON) as play:
        yield play


async def sql(play: Play, statement: str, **values: object) -> None:
    async with play.gateway.infrastructure.database.write_engine.begin() as connection:
        await connection.execute(text(statement), values)


def rows_of(archive: zipfile.ZipFile, table: str) -> list[Any]:
    rows: list[Any] = json.loads(archive.read(f"{table}.json"))
    return rows


async def status_of(player: Player) -> str:
    (export,) = nodes((await player.ask(EXPORTS))["viewer"]["dataExports"])
    status: str = export["status"]
    return status


async def objects_of(play: Play, bucket: str) -> int:
    return (await play.browser().http.get("/sandbox/files")).text.count(f"<code>{bucket}/")


def test_what_is_packed_or_encrypted_is_shown_unpacked_or_not_at_all() -> None:
    packed = {
        (holding.table.name, column.name)
        for holding in HOLDINGS
        for column in holding.table.columns
        if isinstance(column.type, LargeBinary) and column.name not in holding.hidden
    }

    assert packed == {("trace_event", "body"), ("webhook_event", "raw")}


async def test_all_files_and_all_rows_of_every_page_are_in_it(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.files.export_contents._FILES_AT_ONCE", 2)
    monkeypatch.setattr("db.personal_data._AT_ONCE", 2)
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    uploads = [await stored(play, kari) for _ in range(5)]
    await play.gateway.services.timeline.flush()

    archive = await everything(play, kari)

    assert {name for name in archive.namelist() if "/" in name} == {f"files/{one}-kvittering.png" for one in uploads}
    assert [row["id"] for row in rows_of(archive, "upload")] == uploads
    assert "initiatePayment" in {line["summary"] for line in rows_of(archive, "trace_event")}
    assert rows_of(archive, "card") == []
    told = {row["provider"]: row["contents"] for row in rows_of(archive, "webhook_event")}
    assert set(told) == {"sendgrid", "sumsub"}
    assert set(told["sumsub"]) == {"type", "applicantId", "externalUserId", "createdAtMs"}
    assert told["sendgrid"]["email"] == "kari@example.no"
    assert "Missing" not in archive.read("README.txt").decode()


async def test_what_may_not_be_told_is_not_in_it(play: Play) -> None:
    kari = await play.person("per")
    await kari.ask(START)
    await play.advance(seconds=3)
    user_id = (await kari.ask("{ viewer { id } }"))["viewer"]["id"]
    await sql(play, f"UPDATE kyc_application SET reject_labels = '{LABELS}', checks = '{CHECKS}'")
    older = json.dumps(
        {
            "status": "REJECTED",
            "retry_required": False,
            "can_retry": False,
            "started_at": None,
            "reviewed_at": None,
            "version": 2,
            "reject_labels": json.loads(LABELS),
            "checks": json.loads(CHECKS),
        }
    )
    await sql(play, "UPDATE user_event SET fields = :older WHERE kind = 'KYC'", older=older)
    await sql(
        play,
        "INSERT INTO audit_event (id, user_id, action, detail, at) VALUES ('aud_1', :user, 'payment_resolved', "
        ":detail, '2026-11-24 12:00:00+00:00')",
        user=user_id,
        detail='{"outcome": "FAILED", "reason": "the bank called us: suspected fraud"}',
    )

    review = f'"reviewResult": {{"rejectLabels": {LABELS}}}'
    await sql(
        play,
        "UPDATE webhook_event SET raw = :raw WHERE provider = 'sumsub'",
        raw=f'{{"type": "applicantReviewed", "applicantId": "one", {review}}}'.encode(),
    )

    archive = await everything(play, kari)

    assert {"type": "applicantReviewed", "applicantId": "one"} in [
        row["contents"] for row in rows_of(archive, "webhook_event")
    ]
    (kyc,) = rows_of(archive, "kyc_application")
    assert (kyc["reject_labels"], kyc["checks"]) == (["OTHER", "SELFIE_MISMATCH"], [])
    told = [row["fields"] for row in rows_of(archive, "user_event") if row["kind"] == "KYC"]
    assert told
    assert all((one["reject_labels"], one["checks"]) == (kyc["reject_labels"], []) for one in told)
    assert [row["detail"] for row in rows_of(archive, "audit_event") if row["id"] == "aud_1"] == [{"outcome": "FAILED"}]
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert [word for word in UNTOLD if word in whole] == []


async def test_a_new_contact_that_waits_is_in_it_without_its_codes_hash(play: Play) -> None:
    kari = await play.person()
    await update(kari, email="kari.ny@example.no")
    await play.settle()

    await kari.ask(EXPORT)
    await play.settle()

    (user,) = rows_of(await downloaded(play, kari), "user")
    assert user["pending_contacts"]["EMAIL"].keys() == {"address", "expires_at"}
    assert user["pending_contacts"]["EMAIL"]["address"] == "kari.ny@example.no"
    assert "code_hash" not in str(user)


async def test_an_odd_row_and_a_file_that_is_gone_cost_themselves_alone(play: Play) -> None:
    kari, account = await play.banked()
    await pay(kari, a_payment(account))
    await paid(kari)
    await play.gateway.services.timeline.flush()
    await sql(
        play, "UPDATE trace_event SET body = :odd WHERE number = (SELECT min(number) FROM trace_event)", odd=b"\x09"
    )
    uploads = [await stored(play, kari) for _ in range(3)]
    async with play.gateway.infrastructure.database.read() as session:
        key = (await session.exec(select(UploadRow.object_key).where(UploadRow.id == uploads[1]))).one()
    await play.gateway.services.uploads.delete_object("mock", Bucket.UPLOADS, key)

    archive = await everything(play, kari)

    assert [f"files/{one}-kvittering.png" in archive.namelist() for one in uploads] == [True, False, True]
    readme = archive.read("README.txt").decode()
    assert f"- {uploads[1]} kvittering.png: the file could not be read" in readme
    assert "- trace_event.json: 1 entries could not be read" in readme
    assert rows_of(archive, "trace_event")


async def test_a_store_that_is_away_delays_and_one_that_does_not_give_one_file_costs_that_file(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    kari = await play.person()
    await stored(play, kari)
    head = MockObjectStore.head

    async def away(*_: object, **__: object) -> None:
        raise Unavailable("storage")

    monkeypatch.setattr(MockObjectStore, "read", away)
    monkeypatch.setattr(MockObjectStore, "head", away)
    await kari.ask(EXPORT)
    await play.advance(minutes=10)
    during = await status_of(kari)
    monkeypatch.setattr(MockObjectStore, "head", head)
    await play.advance(hours=1)

    assert (during, await status_of(kari)) == ("REQUESTED", "READY")
    assert "the file could not be read" in (await downloaded(play, kari)).read("README.txt").decode()


async def downloaded(play: Play, player: Player) -> zipfile.ZipFile:
    (export,) = nodes((await player.ask(EXPORTS))["viewer"]["dataExports"])
    return zipfile.ZipFile(io.BytesIO((await play.browser().http.get(export["downloadUrl"])).content))


async def test_an_export_whose_job_was_lost_is_built_by_the_sweep(play: Play) -> None:
    kari = await play.person()
    await kari.ask(EXPORT)
    await sql(play, "DELETE FROM job WHERE kind = 'build_data_export'")
    await play.advance(minutes=11)
    assert await status_of(kari) == "REQUESTED"

    await play.gateway.services.orphans.start()
    await play.settle()

    assert await status_of(kari) == "READY"


@pytest.mark.parametrize("dies", [False, True])
async def test_an_export_of_a_user_who_leaves_meanwhile_leaves_nothing_at_the_store(
    play: Play, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    kari = await play.person()
    await stored(play, kari)
    put_file = MockObjectStore.put_file

    async def put_late(self: MockObjectStore, target: ObjectKey, file: Any, content_type: str) -> None:
        await delete(kari)
        await play.gateway.worker.run_due()  # what deletes the files comes first
        await put_file(self, target, file, content_type)
        if dies:
            raise asyncio.CancelledError

    monkeypatch.setattr(MockObjectStore, "put_file", put_late)
    await kari.ask(EXPORT)
    exports = play.gateway.services.exports
    export = (await kari.ask(EXPORTS))["viewer"]["dataExports"]["edges"][0]["node"]["id"]
    user = (await kari.ask("{ viewer { id } }"))["viewer"]["id"]
    try:
        await exports.build(user, export)
    except asyncio.CancelledError:
        assert dies
    await play.advance(hours=2)

    assert (await objects_of(play, Bucket.EXPORTS), await objects_of(play, Bucket.UPLOADS)) == (0, 0)


async def test_large_files_and_many_rows_hold_up_nobody_and_take_little_memory(
    database_url: str, tmp_path: Path
) -> None:
    async with playing(database_url, tmp_path, NOON) as play:
        kari = await play.approved()
        await with_much(play, kari, files=2, events=1_000)
        await kari.ask(EXPORT)
        tracemalloc.start()
        try:
            ticking = asyncio.create_task(longest_hold_up(held_up := [0.0]))
            await play.settle()
            ticking.cancel()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        archive = await downloaded(play, kari)

    assert len([name for name in archive.namelist() if name.startswith("files/")]) == 3
    assert len(rows_of(archive, "user_event")) > 1_000
    assert peak < 64 * 1024**2
    assert max(held_up) < 0.1


async def longest_hold_up(noted: list[float]) -> None:
    """Note how long the loop's thread computes between two turns: its own time, whatever else the machine does."""
    while True:
        begun = time.thread_time()
        await asyncio.sleep(0.005)
        noted[0] = max(noted[0], time.thread_time() - begun)


async def with_much(play: Play, player: Player, *, files: int, events: int) -> None:
    """A user who has many events, and files as large as they may be."""
    upload = await stored(play, player)
    columns = ", ".join(column.name for column in UPLOADS.columns if column.name not in ("id", "object_key"))
    body = random.Random(0).randbytes(MAX_BYTES)
    for number in range(files):
        key = ObjectKey(Bucket.UPLOADS, f"large/{number}.png")
        await play.gateway.infrastructure.adapters.storage["mock"].put(key, body, "image/png")
        copied = f"SELECT id || '{number}', '{key.key}', {columns} FROM upload WHERE id = '{upload}'"
        await sql(play, f"INSERT INTO upload (id, object_key, {columns}) {copied}")
    await sql(
        play,
        "INSERT INTO user_event (user_id, seq, kind, object_id, fields, at, change) "
        f"WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {1000 + events}) "
        "SELECT user_id, i, kind, object_id, fields, at, change FROM user_event, n WHERE seq = 1",
    )
