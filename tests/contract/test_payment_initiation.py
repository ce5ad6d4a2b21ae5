"""The contract of payment initiation (PSD2 PISP)."""

from dataclasses import dataclass
from datetime import date

import httpx
import pytest
import stamina

from domain.account_number import parse_account_number
from domain.device import Device
from domain.errors import BadSignature, BadWebhook, CannotTell, InDoubt, Unavailable
from domain.ids import AccountId, BankId, PaymentId, UserId
from domain.money import Money
from domain.payment import FailureCode, Payment, Status
from providers.open_banking.port import PaymentAccess, PaymentInitiation, PaymentState, Psu
from sandbox.people import personas
from tests.builders.gateway import BASE, OLA
from tests.builders.line import Line
from tests.builders.sandbox import Sandbox
from tests.contract.banks import HOOK, BankVendor, a_direct_bank, a_mock, an_enable_banking, an_open_payments, url_of
from tests.contract.conftest import NOON

DNB = BankId("bank_dnb")
KARI = Psu(personas()["kari"].identity_number, Device("192.0.2.1", "Phone/1"))
CALLBACK = f"{BASE}/api/openbanking/callback?state=s"


def a_bank_payment(number: int = 1, *, amount_minor: int = 12_500, scheduled_for: date | None = None) -> Payment:
    return Payment(
        id=PaymentId(f"pay_{number}"),
        user_id=UserId("usr_kari"),
        vendor="mock",
        amount=Money(amount_minor, "NOK"),
        creditor_name="Ola Hansen",
        creditor_account=parse_account_number(OLA),
        debtor_account_id=AccountId("acc_1"),
        created_at=NOON,
        scheduled_for=scheduled_for,
        end_to_end_id=f"D-{number}",
    )


@dataclass
class AtBank:
    vendor: BankVendor
    execution_date: date | None = None

    @property
    def adapter(self) -> PaymentInitiation:
        return self.vendor.payments

    @property
    def sandbox(self) -> Sandbox:
        return self.vendor.sandbox

    async def register(self, payment: Payment) -> PaymentState:
        """At the bank, with a page only where that comes with the bank's answer."""
        debtor = parse_account_number(personas()["kari"].at_bank(DNB)[0].bban)
        self.execution_date = payment.scheduled_for
        return await self.adapter.initiate(payment, debtor, DNB, KARI, CALLBACK)

    async def initiate(self, payment: Payment) -> PaymentState:
        state = await self.register(payment)
        if state.authorisation is None:
            state = await self.adapter.authorise(self.access(state), CALLBACK)
        return state

    async def decide(self, state: PaymentState, decision: str, execution: str = "") -> PaymentState:
        assert state.authorisation is not None
        query = await self.vendor.visit(url_of(state.authorisation), decision=decision, execution=execution)
        await self.adapter.complete(self.access(state), query)
        return await self.adapter.status(self.access(state))

    def access(self, state: PaymentState) -> PaymentAccess:
        return PaymentAccess(state.reference, DNB, KARI, execution_date=self.execution_date)

    async def booked(self) -> list[str]:
        bookings = (await self.sandbox.http.get("/ledger")).json()["bookings"]
        return [booking["endToEndId"] for booking in bookings]


@pytest.fixture(params=[a_mock, an_open_payments, an_enable_banking, a_direct_bank])
async def bank(sandbox: Sandbox, request: pytest.FixtureRequest) -> AtBank:
    """Past its token, where it takes one."""
    await sandbox.sign_in("kari")
    bank = AtBank(request.param(sandbox))
    await bank.vendor.accounts.list_banks("NO")
    return bank


async def test_no_money_moves_until_the_user_approves(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())
    await bank.sandbox.advance(minutes=10)

    assert state.status is Status.AUTHORISATION_REQUIRED
    assert await bank.booked() == []


async def test_an_accepted_payment_gives_its_reference_before_its_page_is_asked_for(bank: AtBank, line: Line) -> None:
    accepted = await bank.register(a_bank_payment())
    if accepted.authorisation is not None:
        return
    line.cut()

    with pytest.raises(Unavailable), stamina.set_testing(True, attempts=2, cap=True):
        await bank.adapter.authorise(bank.access(accepted), CALLBACK)
    line.mend()

    assert (await bank.adapter.status(bank.access(accepted))).status is Status.AUTHORISATION_REQUIRED


async def test_an_approved_payment_is_carried_out(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())

    approved = await bank.decide(state, "approve")
    await bank.sandbox.advance(seconds=1)

    assert approved.status is Status.PROCESSING
    assert (await bank.adapter.status(bank.access(state))).status is Status.SETTLED
    assert await bank.booked() == ["D-1"]


async def test_a_refused_payment_is_rejected(bank: AtBank) -> None:
    state = await bank.decide(await bank.initiate(a_bank_payment()), "refuse")

    assert state.status is Status.REJECTED
    assert state.failure is not None
    assert state.failure.code is FailureCode.AUTHORISATION_REFUSED


async def test_a_page_that_was_left_runs_out(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())
    await bank.sandbox.advance(minutes=16)

    late = await bank.adapter.status(bank.access(state))

    assert late.status is Status.EXPIRED
    assert late.failure is not None
    assert late.failure.code is FailureCode.AUTHORISATION_EXPIRED


async def test_a_payment_beyond_the_funds_is_rejected(bank: AtBank) -> None:
    state = await bank.decide(await bank.initiate(a_bank_payment(amount_minor=99_999_999)), "approve")

    assert state.status is Status.REJECTED
    assert state.failure is not None
    assert state.failure.code is FailureCode.INSUFFICIENT_FUNDS


async def test_a_payment_that_was_accepted_and_not_executed_has_failed(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())
    await bank.decide(state, "approve", execution="fails")
    await bank.sandbox.advance(seconds=1)

    failed = await bank.adapter.status(bank.access(state))

    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.code is FailureCode.EXECUTION_FAILED
    assert await bank.booked() == []


async def test_a_future_payment_waits_for_its_day(bank: AtBank) -> None:
    payment = a_bank_payment(scheduled_for=date(2026, 11, 26))
    state = await bank.decide(await bank.initiate(payment), "approve")
    await bank.sandbox.advance(days=1)
    waiting = await bank.adapter.status(bank.access(state))
    await bank.sandbox.advance(days=1)

    assert (state.status, waiting.status) == (Status.SCHEDULED, Status.SCHEDULED)
    assert (await bank.adapter.status(bank.access(state))).status is Status.SETTLED


async def test_what_is_not_approved_is_cancelled_at_once_and_again(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())

    cancelled = await bank.adapter.cancel(bank.access(state), CALLBACK)

    assert cancelled.is_cancelled is bank.vendor.cancels
    if not bank.vendor.cancels:
        assert cancelled.authorisation is None  # what is not approved lapses
        return
    assert (await bank.adapter.cancel(bank.access(state), CALLBACK)).is_cancelled
    assert (await bank.adapter.status(bank.access(state))).status is Status.CANCELLED


async def test_a_scheduled_payment_is_cancelled_with_the_users_approval(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment(scheduled_for=date(2026, 11, 26)))
    await bank.decide(state, "approve")

    asked = await bank.adapter.cancel(bank.access(state), CALLBACK)
    assert not asked.is_cancelled
    if not bank.vendor.cancels:
        assert asked.authorisation is None
        return
    assert asked.authorisation is not None
    query = await bank.vendor.visit(url_of(asked.authorisation), decision="approve")
    await bank.adapter.complete(bank.access(state), query)

    assert (await bank.adapter.status(bank.access(state))).status is Status.CANCELLED


async def test_it_can_be_too_late_to_cancel(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())
    await bank.decide(state, "approve")

    answer = await bank.adapter.cancel(bank.access(state), CALLBACK)

    assert not answer.is_cancelled
    assert answer.authorisation is None


async def test_a_payment_is_found_by_our_reference(bank: AtBank) -> None:
    state = await bank.initiate(a_bank_payment())

    if not bank.vendor.finds:
        with pytest.raises(CannotTell):
            await bank.adapter.look_up(DNB, "D-1")
        return
    found = await bank.adapter.look_up(DNB, "D-1")
    assert found is not None
    assert found.reference == state.reference
    assert await bank.adapter.look_up(DNB, "D-unknown") is None


async def test_an_initiation_whose_answer_was_lost_is_not_sent_again(bank: AtBank, line: Line) -> None:
    before = line.requests
    line.cut_after_request()

    with pytest.raises(InDoubt):
        await bank.initiate(a_bank_payment())
    assert line.requests == before + 1
    if bank.vendor.finds:
        assert await bank.adapter.look_up(DNB, "D-1") is not None


async def test_an_initiation_that_was_never_sent_is_no_doubt(bank: AtBank, line: Line) -> None:
    line.harm(at=1, before=httpx.ConnectError("nobody listens"))

    with pytest.raises(Unavailable):
        await bank.initiate(a_bank_payment())
    if bank.vendor.finds:
        assert await bank.adapter.look_up(DNB, "D-1") is None


async def test_a_bank_that_does_not_answer_is_left_alone_for_a_while(bank: AtBank, line: Line) -> None:
    before = line.requests
    line.cut()
    for _ in range(5):
        with pytest.raises(Unavailable):
            await bank.initiate(a_bank_payment())
    line.mend()

    with pytest.raises(Unavailable):
        await bank.initiate(a_bank_payment())
    assert line.requests == before + 5


async def test_a_banks_no_is_an_answer(bank: AtBank) -> None:
    nobodys = parse_account_number(OLA)

    state = await bank.adapter.initiate(a_bank_payment(), nobodys, DNB, KARI, CALLBACK)

    assert state.status is Status.REJECTED
    assert state.failure is not None
    assert state.failure.code is FailureCode.REJECTED_BY_BANK


async def test_a_webhook_is_verified_and_names_the_payment(bank: AtBank) -> None:
    """Of the bank itself, where the vendor sends none."""
    state = await bank.initiate(a_bank_payment())
    await bank.decide(state, "approve")
    raw, headers = await bank.vendor.webhook(state.reference)

    event = await bank.adapter.parse_webhook(raw, headers, HOOK)

    assert event.end_to_end_id == "D-1" or state.reference == event.payment_reference
    with pytest.raises(BadSignature):
        await bank.adapter.parse_webhook(raw + b" ", headers, HOOK)
    with pytest.raises(BadSignature):
        await bank.adapter.parse_webhook(raw, {}, HOOK)
    with pytest.raises(BadWebhook):
        bank.adapter.read_webhook(b"[]")


async def test_an_old_webhook_is_refused(bank: AtBank) -> None:
    await bank.decide(await bank.initiate(a_bank_payment()), "approve")
    posted = await bank.sandbox.last_webhook()
    await bank.sandbox.advance(minutes=10)

    with pytest.raises(BadSignature):
        await bank.adapter.parse_webhook(posted.raw, posted.headers, HOOK)
