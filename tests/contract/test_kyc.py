"""The contract of KYC."""

import hmac
import json
from contextlib import nullcontext
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from domain.errors import BadSignature, BadWebhook, InvalidState, Unavailable
from domain.ids import UserId
from domain.kyc import KycStatus
from providers.calling.guard import Guard
from providers.kyc import mock, sumsub, sumsub_review, sumsub_webhook
from providers.kyc.port import KycProvider
from tests.builders.counterpart import answer, counterpart
from tests.builders.line import Line
from tests.builders.sandbox import SUMSUB_SECRET, MovedClock, Sandbox
from tests.contract.conftest import NOON
from tests.vendors import sumsub as sumsub_face

USER = UserId("usr_01JDZK5G0000000000000KARI0")


def at_sumsub(sandbox: Sandbox, **changes: str) -> sumsub.SumsubKyc:
    given = {"app_token": sumsub_face.APP_TOKEN, "app_secret": sumsub_face.APP_SECRET, "level": sumsub_face.LEVEL}
    return sumsub.SumsubKyc(
        sandbox.outside(sumsub_face.app(sandbox.inner, sandbox.clock)),
        Guard("kyc", sumsub.RESILIENCE, sumsub.RETRIED),
        webhook_secret=SUMSUB_SECRET,
        clock=sandbox.clock,
        **{**given, **changes},
    )


@pytest.fixture(params=["mock", "sumsub"])
def kyc(request: pytest.FixtureRequest, sandbox: Sandbox) -> KycProvider:
    if request.param == "sumsub":
        return at_sumsub(sandbox)
    return mock.MockKyc(sandbox.client("kyc", mock), webhook_secret=SUMSUB_SECRET, clock=sandbox.clock)


async def hand_in_again(sandbox: Sandbox, kyc: KycProvider, applicant: str) -> None:
    """At the real vendor the user does it, in the vendor's SDK."""
    await kyc.submit_again(applicant)
    if isinstance(kyc, sumsub.SumsubKyc):
        await sandbox.inner.post(f"/kyc/applicants/{applicant}/pending", json={})


async def test_an_applicant_that_exists_is_reused(kyc: KycProvider) -> None:
    first = await kyc.create_applicant(USER, "Kari Nordmann")

    assert await kyc.create_applicant(USER, "Kari Nordmann") == first


async def test_an_applicant_whose_creation_was_not_answered_is_found(kyc: KycProvider, line: Line) -> None:
    line.cut_after_request()

    applicant = await kyc.create_applicant(USER, "Kari Nordmann")

    assert await kyc.create_applicant(USER, "Kari Nordmann") == applicant


async def test_the_clients_token_lives_for_half_an_hour(sandbox: Sandbox, kyc: KycProvider) -> None:
    await kyc.create_applicant(USER, "Kari Nordmann")

    token = await kyc.get_access_token(USER, None)

    assert token.expires_at - sandbox.clock.now() == timedelta(minutes=30)
    assert (await sandbox.pages.get(f"/sandbox/kyc/{token.token}")).status_code == 200
    sandbox.clock.at += timedelta(minutes=31)
    await sandbox.advance(seconds=0)
    assert (await sandbox.pages.get(f"/sandbox/kyc/{token.token}")).status_code == 401


async def test_a_token_opens_a_page_or_the_sdk_alone(sandbox: Sandbox, kyc: KycProvider) -> None:
    await kyc.create_applicant(USER, "Kari Nordmann")

    given = await kyc.get_access_token(USER, None)

    assert given.token
    assert given.expires_at.utcoffset() == timedelta(0)
    if given.url is not None:
        assert (await sandbox.pages.get(given.url)).status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "retry", "labels", "score"),
    [
        ("Kari Nordmann", KycStatus.APPROVED, False, (), 15),
        ("Per Olsen", KycStatus.REJECTED, False, ("FORGERY",), 85),
        ("Ingrid Berg", KycStatus.PENDING, True, ("DOCUMENT_UNREADABLE",), 85),
    ],
)
async def test_a_review_comes_in_our_words(
    sandbox: Sandbox, kyc: KycProvider, name: str, status: KycStatus, retry: bool, labels: tuple[str, ...], score: int
) -> None:
    applicant = await kyc.create_applicant(USER, name)
    before = await kyc.get_verification_result(applicant)
    await sandbox.advance(seconds=3)

    review = await kyc.get_verification_result(applicant)

    assert before is not None
    assert before.status is KycStatus.PENDING
    assert review is not None
    assert (review.status, review.retry_required, tuple(review.reject_labels)) == (status, retry, labels)
    # The vendor's own review has no score.
    assert review.risk_score == (None if isinstance(kyc, sumsub.SumsubKyc) else score)
    assert review.reviewed_at > before.reviewed_at


async def test_an_unknown_applicant_has_no_review(kyc: KycProvider) -> None:
    assert await kyc.get_verification_result("nobody") is None


async def test_a_second_document_is_taken_after_a_retry(sandbox: Sandbox, kyc: KycProvider) -> None:
    applicant = await kyc.create_applicant(USER, "Ingrid Berg")
    await sandbox.advance(seconds=3)

    await hand_in_again(sandbox, kyc, applicant)
    await sandbox.advance(seconds=3)

    review = await kyc.get_verification_result(applicant)
    assert review is not None
    assert review.status is KycStatus.APPROVED


async def test_no_document_is_taken_after_a_final_rejection(sandbox: Sandbox, kyc: KycProvider) -> None:
    applicant = await kyc.create_applicant(USER, "Per Olsen")
    await sandbox.advance(seconds=3)

    with pytest.raises(InvalidState):
        await kyc.submit_again(applicant)


async def test_a_webhook_is_verified_and_names_the_applicant(sandbox: Sandbox, kyc: KycProvider) -> None:
    applicant = await kyc.create_applicant(USER, "Kari Nordmann")
    await sandbox.advance(seconds=3)
    posted = await sandbox.last_webhook()

    event = kyc.parse_webhook(posted.raw, posted.headers)

    assert (event.applicant_id, event.user_id) == (applicant, USER)
    assert kyc.parse_webhook(posted.raw, posted.headers).event_key == event.event_key
    with pytest.raises(BadSignature):
        kyc.parse_webhook(posted.raw + b" ", posted.headers)
    with pytest.raises(BadSignature):
        kyc.parse_webhook(posted.raw, {})
    with pytest.raises(BadWebhook):
        kyc.read_webhook(b"{}")


async def test_a_vendor_that_is_away_is_asked_four_times(kyc: KycProvider, line: Line) -> None:
    line.cut()

    with pytest.raises(Unavailable):
        await kyc.get_access_token(USER, None)
    assert line.requests == 4


@pytest.mark.parametrize("change", ["app_token", "app_secret", "level"])
async def test_sumsub_takes_our_signature_alone(sandbox: Sandbox, change: str) -> None:
    await at_sumsub(sandbox).check()

    with pytest.raises(Unavailable):
        await at_sumsub(sandbox, **{change: "another"}).create_applicant(USER, "Kari Nordmann")


async def test_a_signature_is_made_anew_for_each_try(sandbox: Sandbox) -> None:
    """The vendor takes one for a minute, and a retry may come later than that."""
    auth = sumsub.SumsubSignature("token", "secret", sandbox.clock)
    request = httpx.Request("POST", "https://api.sumsub.com/resources/applicants?levelName=a%20b", json={})
    signatures = set()
    for _ in range(2):
        next(auth.auth_flow(request))
        signatures.add(request.headers["x-app-access-sig"])
        sandbox.clock.at += timedelta(minutes=2)

    assert len(signatures) == 2


@pytest.mark.parametrize("status", sorted(sumsub_review.PENDING))
def test_whatever_is_not_decided_is_pending(status: str) -> None:
    review = sumsub_review.review_of({"reviewStatus": status, "reviewResult": {"reviewAnswer": "GREEN"}}, NOON)

    assert (review.status, review.is_decided) == (KycStatus.PENDING, False)


@pytest.mark.parametrize(
    ("status", "verdict", "of"),
    [
        ("aNewWord", "GREEN", "review"),
        (None, "RED", "review"),
        ("completed", "BLUE", "review answer"),
        ("completed", None, "review answer"),
    ],
)
def test_a_word_that_is_not_known_has_no_status_and_is_told_of(
    status: str | None, verdict: str | None, of: str
) -> None:
    before = REGISTRY.get_sample_value("drop_unknown_statuses_total", {"of": of}) or 0
    with capture_logs() as logs:
        review = sumsub_review.review_of({"reviewStatus": status, "reviewResult": {"reviewAnswer": verdict}}, NOON)

    assert (review.status, review.is_decided) == (None, False)
    assert [(line["event"], line["of"]) for line in logs] == [("status_unknown", of)]
    assert REGISTRY.get_sample_value("drop_unknown_statuses_total", {"of": of}) == before + 1


@pytest.mark.parametrize(
    ("algorithm", "name", "is_taken"),
    [("sha256", "HMAC_SHA256_HEX", True), ("sha512", "HMAC_SHA512_HEX", True), ("sha1", "HMAC_SHA1_HEX", False)],
)
def test_digests_of_every_algorithm_that_may_be_announced(algorithm: str, name: str, is_taken: bool) -> None:
    raw = b'{"applicantId": "a", "type": "applicantReviewed"}'
    digest = hmac.new(SUMSUB_SECRET.encode(), raw, algorithm).hexdigest()
    headers = {"x-payload-digest": digest, "x-payload-digest-alg": name}

    with nullcontext() if is_taken else pytest.raises(BadSignature):
        sumsub_webhook.verify(raw, headers, [SUMSUB_SECRET])


def test_an_event_of_the_other_environment_is_refused() -> None:
    raw = b'{"applicantId": "a", "type": "applicantReviewed", "sandboxMode": true}'

    assert sumsub_webhook.parse(raw, is_sandbox=True).applicant_id == "a"
    with pytest.raises(BadWebhook):
        sumsub_webhook.parse(raw, is_sandbox=False)


def test_an_event_with_nulls_and_numbers_where_texts_were_is_read() -> None:
    odd = {"externalUserId": None, "correlationId": None, "createdAtMs": 17}
    raw = json.dumps({"applicantId": 5, "type": "applicantReset", **odd}).encode()

    event = sumsub_webhook.parse(raw)

    assert (event.event_key, event.applicant_id, event.user_id) == (":applicantReset:17:5", "5", None)


def test_events_without_a_time_are_told_apart() -> None:
    event = {"applicantId": "a", "type": "applicantReviewed", "externalUserId": True, "createdAtMs": None}
    bodies = [json.dumps({**event, "reviewStatus": status}).encode() for status in ("pending", "completed")]

    assert len({sumsub_webhook.parse(body).event_key for body in bodies}) == 2


@pytest.mark.parametrize(
    "document",
    [
        {"reviewResult": {"reviewAnswer": "RED", "rejectLabels": None}, "createDate": 1_764_000_000_000, "risk": "85"},
        {"reviewResult": {"reviewAnswer": "RED", "rejectLabels": "FORGERY"}, "createDate": None, "risk": "high"},
        {"reviewResult": {"reviewAnswer": "RED", "rejectLabels": [None, 7]}, "risk": 1e300},
    ],
)
async def test_a_review_with_nulls_and_numbers_where_texts_were_is_read(document: dict[str, object]) -> None:
    body = json.dumps({"reviewStatus": "completed", "levelName": None, **document})
    async with counterpart(answer(200, body)) as vendor, httpx.AsyncClient() as http:
        review = await sumsub.SumsubKyc(
            http,
            Guard("kyc", sumsub.RESILIENCE, sumsub.RETRIED),
            app_token="sbx:1",
            app_secret="s",
            level="l",
            webhook_secret=SUMSUB_SECRET,
            clock=MovedClock(NOON),
            base_url=vendor.url,
        ).get_verification_result("a")

    assert review is not None
    assert (review.is_decided, review.retry_required) == (True, True)
