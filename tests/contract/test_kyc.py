"""The contract of KYC."""

from datetime import timedelta

import pytest

from domain.errors import BadSignature, BadWebhook, InvalidState, Unavailable
from domain.ids import UserId
from domain.kyc import KycStatus
from providers.kyc import mock
from providers.kyc.port import KycProvider
from tests.builders.line import Line
from tests.builders.sandbox import SUMSUB_SECRET, Sandbox

USER = UserId("usr_01JDZK5G0000000000000KARI0")


@pytest.fixture(params=["mock"])
def kyc(sandbox: Sandbox) -> KycProvider:
    return mock.MockKyc(sandbox.client("kyc", mock), webhook_secret=SUMSUB_SECRET, clock=sandbox.clock)


async def test_an_applicant_that_exists_is_reused(kyc: KycProvider) -> None:
    first = await kyc.create_applicant(USER, "Kari Nordmann")

    assert await kyc.create_applicant(USER, "Kari Nordmann") == first


async def test_an_applicant_whose_creation_was_not_answered_is_found(kyc: KycProvider, line: Line) -> None:
    line.cut_after_request()

    applicant = await kyc.create_applicant(USER, "Kari Nordmann")

    assert await kyc.create_applicant(USER, "Kari Nordmann") == applicant


async def test_the_clients_token_lives_for_half_an_hour(sandbox: Sandbox, kyc: KycProvider) -> None:
    await kyc.create_applicant(USER, "Kari Nordmann")

    token = await kyc.get_access_token(USER)

    assert token.expires_at - sandbox.clock.now() == timedelta(minutes=30)
    assert (await sandbox.pages.get(f"/sandbox/kyc/{token.token}")).status_code == 200
    sandbox.clock.at += timedelta(minutes=31)
    await sandbox.advance(seconds=0)
    assert (await sandbox.pages.get(f"/sandbox/kyc/{token.token}")).status_code == 401


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
    assert review.risk_score == score
    assert review.reviewed_at > before.reviewed_at


async def test_an_unknown_applicant_has_no_review(kyc: KycProvider) -> None:
    assert await kyc.get_verification_result("nobody") is None


async def test_a_second_document_is_taken_after_a_retry(sandbox: Sandbox, kyc: KycProvider) -> None:
    applicant = await kyc.create_applicant(USER, "Ingrid Berg")
    await sandbox.advance(seconds=3)

    await kyc.submit_again(applicant)
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

    notice = kyc.parse_webhook(posted.raw, posted.headers)

    assert (notice.applicant_id, notice.user_id) == (applicant, USER)
    assert kyc.parse_webhook(posted.raw, posted.headers).event_key == notice.event_key
    with pytest.raises(BadSignature):
        kyc.parse_webhook(posted.raw + b" ", posted.headers)
    with pytest.raises(BadSignature):
        kyc.parse_webhook(posted.raw, {})
    with pytest.raises(BadWebhook):
        kyc.read_webhook(b"{}")


async def test_a_vendor_that_is_away_is_asked_four_times(kyc: KycProvider, line: Line) -> None:
    line.cut()

    with pytest.raises(Unavailable):
        await kyc.get_access_token(USER)
    assert line.requests == 4
