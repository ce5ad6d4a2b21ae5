"""KYC: from not started to a verdict, and what the verdict is worth."""

import hashlib
import hmac
import json
import re

import pytest
from sqlmodel import col, select

from db.tables.event import UserEventRow, WebhookEventRow
from db.tables.kyc import KycRow
from providers.kyc import mock, sumsub_review
from sandbox.people import is_lucky
from tests.builders.gateway import Play, Player, a_payment, as_json, connect, first_account, pay, payment_of

START = """mutation { startKyc { kyc { status } accessToken { token url expiresAt }
  userErrors { code message retryable provider } } }"""
RETRY = "mutation { retryKyc { kyc { status retryRequired } accessToken { token } userErrors { code } } }"
KYC = """{ viewer { id kyc {
  id status retryRequired canRetry rejectLabels checks { kind result } startedAt reviewedAt } } }"""


async def kyc_of(player: Player) -> dict[str, object]:
    kyc: dict[str, object] = (await player.ask(KYC))["viewer"]["kyc"]
    return kyc


def signed(raw: bytes, secret: str = "mock-mode-only", algorithm: str = "HMAC_SHA256_HEX") -> dict[str, str]:
    digest = hmac.new(secret.encode(), raw, getattr(hashlib, algorithm.split("_")[1].lower())).hexdigest()
    return {"x-payload-digest": digest, "x-payload-digest-alg": algorithm, "content-type": "application/json"}


def webhook(user_id: str, correlation: str = "req-1", at: str = "2026-11-24 12:00:03.000") -> bytes:
    return as_json(
        {
            "applicantId": "unknown",
            "externalUserId": user_id,
            "correlationId": correlation,
            "type": "applicantReviewed",
            "createdAtMs": at,
        }
    )


async def test_the_verdict_comes_three_seconds_later_by_webhook(play: Play) -> None:
    kari = await play.person()
    assert (await kyc_of(kari))["status"] == "NOT_STARTED"

    started = (await kari.ask(START))["startKyc"]
    assert (await kari.http.get(started["accessToken"]["url"])).status_code == 200
    await play.advance(seconds=2.9)
    assert (await kyc_of(kari))["status"] == "PENDING"
    await play.advance(seconds=0.1)

    assert started["kyc"]["status"] == "PENDING"
    assert started["accessToken"]["expiresAt"] == "2026-11-24T12:30:00.000Z"
    kyc = await kyc_of(kari)
    assert kyc["status"] == "APPROVED"
    assert {check["result"] for check in kyc["checks"]} == {"PASSED"}  # type: ignore[attr-defined]
    assert kyc["reviewedAt"] == "2026-11-24T12:00:03.000Z"


async def test_starting_again_reuses_the_applicant_and_gives_a_new_token(play: Play) -> None:
    kari = await play.person()

    tokens = [(await kari.ask(START))["startKyc"]["accessToken"]["token"] for _ in range(3)]

    assert len(set(tokens)) == 3
    page = await kari.browse(f"/sandbox/kyc/{tokens[-1]}")
    assert "Kari Nordmann" in page.text


async def test_an_applicant_that_the_vendor_knows_already_is_reused(play: Play) -> None:
    kari = await play.person()
    user_id = (await kari.ask(KYC))["viewer"]["id"]
    body = {"externalUserId": user_id, "name": "Kari Nordmann"}
    assert (await play.gateway.sandbox.post("/kyc/applicants", json=body)).status_code == 200

    started = (await kari.ask(START))["startKyc"]

    assert started["kyc"]["status"] == "PENDING"


async def test_over_rest_it_is_the_same(play: Play) -> None:
    kari = await play.person()

    response = await kari.http.get("/api/kyc/initiate")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == "PENDING"
    assert body["accessToken"].startswith("_act-")
    assert body["url"] == f"/sandbox/kyc/{body['accessToken']}"
    assert body["expiresAt"] == "2026-11-24T12:30:00.000Z"


async def test_over_rest_another_site_and_nobody_are_refused(play: Play) -> None:
    kari = await play.person()

    cross = await kari.http.get("/api/kyc/initiate", headers={"sec-fetch-site": "cross-site"})
    nobody = await play.browser().http.get("/api/kyc/initiate")

    assert (cross.status_code, cross.json()["code"]) == (403, "FORBIDDEN")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "UNAUTHENTICATED")
    assert nobody.headers["www-authenticate"] == "Bearer"


async def test_who_must_submit_again_does_so_and_passes(play: Play) -> None:
    ingrid = await play.person("ingrid")
    await ingrid.ask(START)
    await play.advance(seconds=3)
    first = await kyc_of(ingrid)
    assert (first["status"], first["retryRequired"], first["canRetry"]) == ("PENDING", True, True)
    assert first["rejectLabels"] == ["DOCUMENT_UNREADABLE"]
    assert {check["kind"]: check["result"] for check in first["checks"]} == {  # type: ignore[attr-defined]
        "DOCUMENT_AUTHENTICITY": "FAILED",
        "LIVENESS": "PASSED",
        "FACE_MATCH": "PASSED",
    }

    retried = (await ingrid.ask(RETRY))["retryKyc"]
    await play.advance(seconds=3)

    assert retried["kyc"] == {"status": "PENDING", "retryRequired": False}
    assert (await kyc_of(ingrid))["status"] == "APPROVED"


async def test_who_is_rejected_for_good_can_do_nothing_more(play: Play) -> None:
    per = await play.person("per")
    await per.ask(START)
    await play.advance(seconds=3)

    kyc = await kyc_of(per)
    assert (kyc["status"], kyc["rejectLabels"], kyc["checks"]) == ("REJECTED", ["OTHER"], [])
    assert (await per.ask(RETRY))["retryKyc"]["userErrors"] == [{"code": "INVALID_STATE"}]
    assert (await per.ask(START))["startKyc"]["userErrors"][0]["code"] == "INVALID_STATE"


async def test_what_is_pushed_tells_no_more_than_what_is_read_and_operators_keep_it_all(play: Play) -> None:
    per = await play.person("per")
    await per.ask(START)
    await play.advance(seconds=3)

    async with play.gateway.infrastructure.database.read() as session:
        events = (await session.exec(select(UserEventRow.fields).where(UserEventRow.kind == "KYC"))).all()
        kept = (await session.exec(select(KycRow))).one()

    assert [(event["reject_labels"], event["checks"]) for event in events[-1:]] == [(["OTHER"], [])]
    assert not {"FORGERY", "SANCTIONS", "POLITICALLY"} & set(re.findall(r"[A-Z]+", json.dumps(events)))
    assert (kept.reject_labels, kept.risk_score, len(kept.checks)) == (["FORGERY"], 85, 5)


async def test_everybody_who_is_made_up_is_approved(play: Play) -> None:
    people = [await play.person("new") for _ in range(12)]
    for person in people:
        await person.ask(START)
    await play.advance(seconds=3)

    assert {(await kyc_of(person))["status"] for person in people} == {"APPROVED"}


def test_of_those_whose_verdict_is_drawn_nine_in_ten_are_approved() -> None:
    drawn = [is_lucky(f"seed {number}", "Ola Nordmann") for number in range(1_000)]

    assert 870 <= sum(drawn) <= 930
    assert is_lucky("drop", "Ola Nordmann") is is_lucky("drop", "Ola Nordmann")


async def test_the_form_can_be_handed_in_at_once(play: Play) -> None:
    kari = await play.person()
    token = (await kari.ask(START))["startKyc"]["accessToken"]["token"]

    await kari.http.post(f"/sandbox/kyc/{token}", data={"document": "passport", "verdict": "rejected"})
    await play.settle()

    assert (await kyc_of(kari))["status"] == "REJECTED"


async def test_approval_can_be_taken_back_and_open_payments_are_cancelled(play: Play) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    applicants = (await kari.browse("/sandbox/")).text
    applicant = applicants.split("/sandbox/applicants/")[1].split('"')[0]

    await kari.http.post(f"/sandbox/applicants/{applicant}", data={"verdict": "rejected"})
    await play.settle()

    assert (await kyc_of(kari))["status"] == "REJECTED"
    node = await kari.ask("query($id: ID!) { node(id: $id) { ... on Payment { status } } }", id=payment["id"])
    assert node["node"]["status"] == "CANCELLED"
    refused = await pay(kari, a_payment(account))
    assert [error["code"] for error in refused["userErrors"]] == ["KYC_REQUIRED"]


async def test_only_approved_users_pay(play: Play) -> None:
    kari = await play.person()
    await connect(kari)

    payload = await pay(kari, a_payment(await first_account(kari)))

    assert payload["payment"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["KYC_REQUIRED"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-payload-digest": "0" * 64, "x-payload-digest-alg": "HMAC_SHA256_HEX"}, 401),
        ({"x-payload-digest": "é", "x-payload-digest-alg": "HMAC_SHA256_HEX"}, 401),
        (signed(webhook("usr_1"), algorithm="HMAC_SHA1_HEX"), 401),
        (signed(webhook("usr_1"), secret="another"), 401),
        (signed(webhook("usr_1")), 202),
        (signed(webhook("usr_1"), algorithm="HMAC_SHA512_HEX"), 202),
    ],
)
async def test_only_the_vendors_signature_is_taken(play: Play, headers: dict[str, str], status: int) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = await play.browser().http.post("/api/kyc/webhook", content=webhook("usr_1"), headers=encoded)

    assert response.status_code == status


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"type": 1}',
        b"\xff\xfe",
        b'{"applicantId":"' + b"x" * 200 + b'"}',
        b'{"applicantId": "a\\u0000", "type": "t"}',
    ],
)
async def test_a_signed_webhook_that_cannot_be_read_is_a_400(play: Play, raw: bytes) -> None:
    response = await play.browser().http.post("/api/kyc/webhook", content=raw, headers=signed(raw))

    assert (response.status_code, response.json()["code"]) == (400, "BAD_WEBHOOK")


async def test_a_webhook_too_large_is_refused_before_it_is_read(play: Play) -> None:
    raw = json.dumps({"x": "y" * 1_100_000}).encode()

    response = await play.browser().http.post("/api/kyc/webhook", content=raw, headers=signed(raw))

    assert response.status_code == 413


async def test_a_webhook_says_nothing_that_the_vendor_does_not(play: Play) -> None:
    """Even a signed body decides nothing: the review is read at the vendor."""
    per = await play.person("per")
    user_id = (await per.ask(KYC))["viewer"]["id"]
    await per.ask(START)
    raw = webhook(user_id)

    codes = [(await per.http.post("/api/kyc/webhook", content=raw, headers=signed(raw))).status_code for _ in range(2)]
    await play.settle()

    assert codes == [202, 202]
    assert (await kyc_of(per))["status"] == "PENDING"


async def test_a_webhook_of_an_unknown_applicant_is_parked_and_then_given_up(play: Play) -> None:
    raw = webhook("usr_unknown")
    assert (await play.browser().http.post("/api/kyc/webhook", content=raw, headers=signed(raw))).status_code == 202

    await play.advance(seconds=1 + 5 + 30 + 300)

    assert await received(play) == [("UNMATCHED", 5)]


async def test_a_webhook_that_overtakes_the_creations_reply_is_parked_until_then(play: Play) -> None:
    kari = await play.person()
    raw = webhook((await kari.ask(KYC))["viewer"]["id"])
    assert (await kari.http.post("/api/kyc/webhook", content=raw, headers=signed(raw))).status_code == 202
    await play.settle()
    assert await received(play) == [("PARKED", 1)]

    await kari.ask(START)
    await play.advance(seconds=1)

    assert (await received(play))[0] == ("PROCESSED", 2)


async def test_a_reset_at_the_vendor_takes_the_approval_back(play: Play) -> None:
    kari = await play.approved()
    await play.advance(minutes=5)

    await kari.http.post("/sandbox/trigger", data={"event": "applicantReset"}, headers={"accept": "application/json"})
    await play.settle()

    assert (await kyc_of(kari))["status"] == "PENDING"
    assert (await kari.ask(START))["startKyc"]["userErrors"] == []


async def test_a_status_that_is_not_known_takes_no_approval_back(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    kari, account = await play.banked()
    payment = (await pay(kari, a_payment(account)))["payment"]
    before, read = await kyc_of(kari), sumsub_review.review_of
    monkeypatch.setattr(mock, "review_of", lambda answer, at: read({**answer, "reviewStatus": "aNewWord"}, at))

    await kari.http.post("/sandbox/trigger", data={"event": "applicantReset"}, headers={"accept": "application/json"})
    await play.settle()
    during = await kyc_of(kari)
    status = await payment_of(kari, payment["id"])
    monkeypatch.undo()
    await play.advance(days=8)

    assert (during, status["status"]) == (before, "AUTHORISATION_REQUIRED")
    # The reset itself is learned with the next question.
    assert (await kyc_of(kari))["status"] == "PENDING"


async def received(play: Play) -> list[tuple[str, int]]:
    """Status and attempts of each webhook, oldest first."""
    async with play.gateway.infrastructure.database.read() as session:
        rows = (await session.exec(select(WebhookEventRow).order_by(col(WebhookEventRow.id)))).all()
    return [(row.status, row.attempts) for row in rows]


async def test_the_vendors_page_leads_on_to_where_the_client_said(play: Play) -> None:
    kari = await play.person()
    start = """mutation($to: String) { startKyc(input: {returnTo: $to}) { accessToken { url }
      userErrors { code field } } }"""
    urls = [(await kari.ask(start, to=to))["startKyc"]["accessToken"]["url"] for to in ("/welcome?step=2", None)]
    pages = [(await kari.http.get(url)).text for url in urls]

    assert 'href="/welcome?step=2"' in pages[0]
    assert "Go back to the app" not in pages[1]


@pytest.mark.parametrize("mutation", ["startKyc", "retryKyc"])
async def test_a_page_leads_to_no_strangers_address(play: Play, mutation: str) -> None:
    kari = await play.person()
    start = f'mutation {{ {mutation}(input: {{returnTo: "https://evil.example"}}) {{ userErrors {{ code field }} }} }}'

    refused = (await kari.ask(start))[mutation]

    assert refused["userErrors"] == [{"code": "INVALID_RETURN_TO", "field": ["input", "returnTo"]}]
    assert (await kyc_of(kari))["status"] == "NOT_STARTED"
