"""Files: presigned uploads to the local object store, what it refuses, and what comes of them."""

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.builders.gateway import Play, Player
from tests.builders.line import Line
from tests.builders.sockets import events_of

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100
CREATE = """mutation($input: CreateUploadInput!) { createUpload(input: $input) {
  upload { id status expiresAt } target { method url headers { name value } } userErrors { code field } } }"""
COMPLETE = """mutation($id: ID!) { completeUpload(input: {id: $id}) {
  upload { status rejectReason downloadUrl storedAt } userErrors { code } } }"""
DELETE = "mutation($id: ID!) { deleteUpload(input: {id: $id}) { upload { status } userErrors { code } } }"
UPLOADS = "{ viewer { uploads { edges { node { id status fileName downloadUrl } } } } }"


def declared(body: bytes = PNG, **changes: object) -> dict[str, Any]:
    return {
        "purpose": "RECEIPT",
        "fileName": "kvittering.png",
        "contentType": "image/png",
        "sizeBytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        **changes,
    }


async def create(player: Player, **given: object) -> dict[str, Any]:
    payload: dict[str, Any] = (await player.ask(CREATE, input=declared(**given)))["createUpload"]  # type: ignore[arg-type]
    return payload


async def put(play: Play, target: dict[str, Any], body: bytes = PNG, **headers: str | None) -> httpx.Response:
    """Any HTTP client, without a cookie. A header given as None is left out."""
    sent = {header["name"]: header["value"] for header in target["headers"]}
    changes = {name.replace("_", "-"): value for name, value in headers.items()}
    wanted = {name: value for name, value in {**sent, **changes}.items() if value is not None}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(play.app)) as http:
        return await http.put(target["url"], content=body, headers=wanted)


async def stored(play: Play, player: Player) -> str:
    """A stored upload's id."""
    created = await create(player)
    assert (await put(play, created["target"])).status_code == 200
    identifier: str = created["upload"]["id"]
    completed = (await player.ask(COMPLETE, id=identifier))["completeUpload"]
    assert completed["upload"]["status"] == "STORED"
    return identifier


async def objects(play: Play) -> int:
    page = (await play.browser().http.get("/sandbox/files")).text
    return page.count("<code>uploads/")


async def test_a_file_is_put_completed_and_downloaded_as_an_attachment(play: Play) -> None:
    kari = await play.person()
    created = await create(kari)
    assert created["upload"]["expiresAt"] == "2026-11-24T12:15:00.000Z"

    assert (await put(play, created["target"])).status_code == 200
    completed = (await kari.ask(COMPLETE, id=created["upload"]["id"]))["completeUpload"]["upload"]
    again = (await kari.ask(COMPLETE, id=created["upload"]["id"]))["completeUpload"]["upload"]

    assert completed["status"] == again["status"] == "STORED"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(play.app)) as anybody:
        download = await anybody.get(completed["downloadUrl"])
        meddled = await anybody.get(completed["downloadUrl"].replace("image%2Fpng", "text%2Fhtml"))
        await play.advance(minutes=16)
        late = await anybody.get(completed["downloadUrl"])
    assert download.content == PNG
    assert download.headers["content-type"] == "image/png"
    assert download.headers["content-disposition"].startswith("attachment;")
    assert meddled.status_code == late.status_code == 403


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (PNG, {"content_type": "text/html"}, 403, "SignatureDoesNotMatch"),
        (PNG, {"content_type": None}, 403, "SignatureDoesNotMatch"),
        (PNG + b"!", {}, 403, "SignatureDoesNotMatch"),
        (PNG[:-1], {}, 403, "SignatureDoesNotMatch"),
        (b"", {}, 403, "SignatureDoesNotMatch"),
        (PNG[::-1], {}, 400, "BadDigest"),
        (
            PNG[::-1],
            {"x_amz_checksum_sha256": base64.b64encode(hashlib.sha256(PNG[::-1]).digest()).decode()},
            403,
            "SignatureDoesNotMatch",
        ),
    ],
)
async def test_the_store_refuses_what_was_not_declared(
    play: Play, body: bytes, headers: dict[str, str | None], status: int, code: str
) -> None:
    kari = await play.person()
    created = await create(kari)

    refused = await put(play, created["target"], body, **headers)

    assert (refused.status_code, code in refused.text) == (status, True)
    assert await objects(play) == 0
    pending = (await kari.ask(COMPLETE, id=created["upload"]["id"]))["completeUpload"]
    assert [error["code"] for error in pending["userErrors"]] == ["INVALID_STATE"]


async def test_a_second_put_and_a_late_one_are_refused(play: Play) -> None:
    kari = await play.person()
    first, second = await create(kari), await create(kari)

    assert (await put(play, first["target"])).status_code == 200
    assert (await put(play, first["target"])).status_code == 412
    await play.advance(seconds=901)

    assert (await put(play, second["target"])).status_code == 403


async def test_an_address_cannot_be_bent_to_another_key(play: Play) -> None:
    kari = await play.person()
    created = await create(kari)
    target = created["target"]

    bent = {**target, "url": target["url"].replace("/uploads/", "/exports/")}

    assert (await put(play, bent)).status_code == 403


async def test_what_lies_about_its_type_is_rejected_and_removed(play: Play) -> None:
    kari = await play.person()
    script = b"<script>alert(1)</script>"
    created = await create(kari, body=script)
    assert (await put(play, created["target"], script)).status_code == 200

    completed = (await kari.ask(COMPLETE, id=created["upload"]["id"]))["completeUpload"]["upload"]
    await play.settle()

    assert (completed["status"], completed["rejectReason"], completed["downloadUrl"]) == (
        "REJECTED",
        "CONTENT_IS_ANOTHER_TYPE",
        None,
    )
    assert await objects(play) == 0


async def test_what_is_never_completed_expires_and_its_object_goes(play: Play) -> None:
    kari = await play.person()
    created = await create(kari)
    await put(play, created["target"])
    assert await objects(play) == 1

    await play.advance(minutes=17)

    (edge,) = (await kari.ask(UPLOADS))["viewer"]["uploads"]["edges"]
    assert edge["node"]["status"] == "EXPIRED"
    assert await objects(play) == 0
    late = (await kari.ask(COMPLETE, id=created["upload"]["id"]))["completeUpload"]
    assert [error["code"] for error in late["userErrors"]] == ["INVALID_STATE"]


@pytest.mark.parametrize("ending", [DELETE, "mutation { deleteAccount(input: {confirm: true}) { deletedAt } }"])
async def test_a_file_that_is_put_after_its_end_does_not_stay(play: Play, ending: str) -> None:
    kari = await play.person()
    created = await create(kari)
    await kari.ask(ending, **({"id": created["upload"]["id"]} if ending == DELETE else {}))
    await play.settle()

    assert (await put(play, created["target"])).status_code == 200
    await play.advance(minutes=17)

    assert await objects(play) == 0


async def test_a_deleted_file_is_gone_from_the_list_and_the_store(play: Play) -> None:
    kari = await play.person()
    identifier = await stored(play, kari)

    deleted = (await kari.ask(DELETE, id=identifier))["deleteUpload"]
    again = (await kari.ask(DELETE, id=identifier))["deleteUpload"]
    await play.settle()

    assert deleted["upload"] == again["upload"] == {"status": "DELETED"}
    assert (await kari.ask(UPLOADS))["viewer"]["uploads"]["edges"] == []
    assert await objects(play) == 0


async def test_somebody_elses_file_is_unknown(play: Play) -> None:
    kari, silje = await play.person(), await play.person("silje")
    identifier = await stored(play, kari)

    for mutation, name in ((COMPLETE, "completeUpload"), (DELETE, "deleteUpload")):
        payload = (await silje.ask(mutation, id=identifier))[name]
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert (await silje.ask(node, id=identifier))["node"] is None
    assert (await kari.ask(node, id=identifier))["node"] == {"id": identifier}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"fileName": "../../etc/passwd.png"}, "INVALID_FILE_NAME", "fileName"),
        ({"fileName": "a\\b.png"}, "INVALID_FILE_NAME", "fileName"),
        ({"fileName": "a\nb.png"}, "INVALID_FILE_NAME", "fileName"),
        ({"fileName": ""}, "INVALID_FILE_NAME", "fileName"),
        ({"fileName": "x" * 252 + ".png"}, "INVALID_FILE_NAME", "fileName"),
        ({"fileName": "kvittering.pdf"}, "INVALID_FILE_NAME", "fileName"),
        ({"fileName": "kvittering"}, "INVALID_FILE_NAME", "fileName"),
        ({"contentType": "text/html", "fileName": "a.html"}, "UNSUPPORTED_FILE_TYPE", "contentType"),
        ({"contentType": "image/svg+xml", "fileName": "a.svg"}, "UNSUPPORTED_FILE_TYPE", "contentType"),
        (
            {"purpose": "AVATAR", "contentType": "application/pdf", "fileName": "a.pdf"},
            "UNSUPPORTED_FILE_TYPE",
            "contentType",
        ),
        ({"sizeBytes": 0}, "INVALID_FILE_SIZE", "sizeBytes"),
        ({"sizeBytes": -1}, "INVALID_FILE_SIZE", "sizeBytes"),
        ({"sizeBytes": 10 * 1024 * 1024 + 1}, "INVALID_FILE_SIZE", "sizeBytes"),
        ({"sha256": "00"}, "INVALID_CHECKSUM", "sha256"),
        ({"sha256": "Z" * 64}, "INVALID_CHECKSUM", "sha256"),
    ],
)
async def test_what_cannot_be_uploaded_is_refused(play: Play, change: dict[str, object], code: str, field: str) -> None:
    kari = await play.person()

    payload = await create(kari, **change)

    assert (code, ["input", field]) in [(error["code"], error["field"]) for error in payload["userErrors"]]
    assert (payload["upload"], payload["target"]) == (None, None)


async def test_no_more_than_twenty_uploads_are_under_way(play: Play) -> None:
    kari = await play.person()
    for _ in range(20):
        assert (await create(kari))["userErrors"] == []

    assert [error["code"] for error in (await create(kari))["userErrors"]] == ["INVALID_STATE"]


async def test_an_upload_is_followed_live(play: Play) -> None:
    kari = await play.person()
    identifier = await stored(play, kari)
    follow = "subscription($id: ID!) { uploadUpdated(id: $id) { kind upload { status } } }"

    (snapshot,) = await events_of(play, kari, follow, 1, id=identifier)

    assert snapshot == {"kind": "SNAPSHOT", "upload": {"status": "STORED"}}


async def test_a_store_that_is_away_is_a_clear_error(play: Play) -> None:
    kari = await play.person()
    created = await create(kari)
    await play.settle()
    Line(play.gateway.sandbox).cut()

    payload = (await kari.ask(COMPLETE, id=created["upload"]["id"]))["completeUpload"]

    assert [error["code"] for error in payload["userErrors"]] == ["PROVIDER_UNAVAILABLE"]
