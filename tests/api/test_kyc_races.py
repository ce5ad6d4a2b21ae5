"""KYC that moves while a vendor or a bank is asked, and that is asked about for as long as it counts."""

from typing import Any

import pytest
from sqlalchemy import text

from domain.ids import UserId
from domain.kyc import Review
from providers.kyc import mock
from providers.open_banking.mock import MockPaymentInitiation
from tests.api.test_kyc import KYC, RETRY, START, kyc_of
from tests.builders.gateway import Play, a_payment, pay, payment_of


async def test_an_answer_that_was_asked_for_before_the_new_submission_is_of_the_past(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingrid = await play.person("ingrid")
    await ingrid.ask(START)
    await play.advance(seconds=3)
    user_id = (await ingrid.ask(KYC))["viewer"]["id"]
    read, asked = mock.MockKyc.get_verification_result, 0

    async def slowly(self: mock.MockKyc, applicant_id: str) -> Review | None:
        nonlocal asked
        asked += 1
        answer = await read(self, applicant_id)
        if asked == 1:
            assert answer is not None
            # Meanwhile the user hands in again, and the vendor has decided anew.
            await ingrid.ask(RETRY)
            await play.advance(seconds=3)
        return answer

    monkeypatch.setattr(mock.MockKyc, "get_verification_result", slowly)
    await play.gateway.services.kyc.refresh(UserId(user_id))

    assert asked > 2
    assert (await kyc_of(ingrid))["status"] == "APPROVED"


async def test_no_approval_is_shown_to_who_loses_kyc_while_the_bank_is_asked(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    kari, account = await play.banked()
    initiate = MockPaymentInitiation.initiate

    async def slowly(self: MockPaymentInitiation, *given: Any, **named: Any) -> Any:
        answer = await initiate(self, *given, **named)
        async with play.gateway.infrastructure.database.write_engine.begin() as connection:
            await connection.execute(text("UPDATE kyc_application SET status = 'REJECTED'"))
        return answer

    monkeypatch.setattr(MockPaymentInitiation, "initiate", slowly)
    payment = (await pay(kari, a_payment(account)))["payment"]
    await play.settle()

    assert payment["authorisationUrl"] is None
    assert (await payment_of(kari, payment["id"]))["status"] == "CANCELLED"


async def test_an_approved_user_is_asked_about_each_week(play: Play) -> None:
    await play.approved()

    await play.advance(days=8)

    async with play.gateway.infrastructure.database.read_engine.connect() as connection:
        jobs = (await connection.execute(text("SELECT payload FROM job WHERE kind = 'ask_kyc_vendor'"))).all()
    assert len(jobs) == 1
