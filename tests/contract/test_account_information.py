"""The contract of account information (PSD2 AISP)."""

from dataclasses import dataclass, replace
from datetime import date

import pytest

from domain.bank_account import BalanceType
from domain.consent import ConsentStatus
from domain.device import Device
from domain.errors import Unavailable
from domain.ids import BankId, ConsentId
from providers.open_banking.port import (
    AccessExceeded,
    AccountAccess,
    AccountInformation,
    ConsentAccess,
    ConsentLost,
    ConsentRequest,
    Psu,
    StartedConsent,
)
from sandbox.bank_accounts import PAGE_SIZE
from sandbox.people import personas
from tests.builders.gateway import BASE
from tests.builders.line import Line
from tests.builders.sandbox import Sandbox
from tests.contract.banks import BankVendor, a_direct_bank, a_mock, an_enable_banking, an_open_payments, url_of

DNB = BankId("bank_dnb")
KARI = Psu(personas()["kari"].identity_number)
KARI_ATTENDED = Psu(KARI.national_identity_number, Device("192.0.2.1", "Phone/1"))
REQUEST = ConsentRequest(
    ConsentId("cns_01"), DNB, KARI_ATTENDED, f"{BASE}/api/openbanking/callback?state=s", date(2027, 5, 20)
)
LONG_AGO = date(2026, 8, 1)


def at(started: StartedConsent) -> ConsentAccess:
    return ConsentAccess(started.reference, DNB, KARI)


@dataclass
class AtBank:
    """A bank as its customer meets it."""

    vendor: BankVendor

    @property
    def adapter(self) -> AccountInformation:
        return self.vendor.accounts

    @property
    def sandbox(self) -> Sandbox:
        return self.vendor.sandbox

    async def started(self) -> StartedConsent:
        """With its approval begun, which some vendors do with the consent itself."""
        started = await self.adapter.start_consent(REQUEST)
        if started.authorisation is None:
            started = await self.adapter.authorise_consent(started, REQUEST.psu, REQUEST.redirect_uri)
        return started

    async def consented(self, *resource_ids: str) -> StartedConsent:
        started = await self.started()
        query = await self.decide(started, "approve", *(resource_ids or self.all_accounts()))
        state = await self.adapter.complete_consent(at(started), query)
        return replace(started, reference=state.reference or started.reference)

    async def decide(self, started: StartedConsent, decision: str, *resource_ids: str) -> dict[str, str]:
        """What the browser brings back."""
        return await self.vendor.visit(url_of(started.authorisation), decision=decision, account=list(resource_ids))

    def all_accounts(self) -> tuple[str, ...]:
        return tuple(account.resource_id for account in personas()["kari"].at_bank(DNB))

    async def access(self, started: StartedConsent, psu: Psu = KARI) -> AccountAccess:
        """To the person's first account, whatever the vendor calls it."""
        number = personas()["kari"].at_bank(DNB)[0].bban
        accounts = await self.adapter.accounts(DNB, started.reference, KARI_ATTENDED)
        (account,) = [account for account in accounts.found if account.number.bban == number]
        return AccountAccess(DNB, started.reference, account.resource_id, psu, account.number, account.currency)


@pytest.fixture(params=[a_mock, an_open_payments, an_enable_banking, a_direct_bank])
async def bank(sandbox: Sandbox, request: pytest.FixtureRequest) -> AtBank:
    await sandbox.sign_in("kari")
    return AtBank(request.param(sandbox))


async def test_the_norwegian_banks_are_listed(bank: AtBank) -> None:
    banks = await bank.adapter.list_banks("NO")

    assert [one.name for one in banks] == ["DNB", "Nordea", "Handelsbanken", "SpareBank 1", "Sbanken"]
    assert all(len(one.bic) in (8, 11) for one in banks)
    assert await bank.adapter.list_banks("SE") == []


async def test_a_consent_waits_for_its_user_and_holds_when_given(bank: AtBank) -> None:
    started = await bank.started()
    waiting = await bank.adapter.consent_state(at(started))
    query = await bank.decide(started, "approve", *bank.all_accounts())

    given = await bank.adapter.complete_consent(at(started), query)

    assert waiting.status is ConsentStatus.AWAITING_AUTHORISATION
    assert given.status is ConsentStatus.ACTIVE
    assert given.valid_until == REQUEST.valid_until


async def test_a_refused_consent_is_rejected(bank: AtBank) -> None:
    started = await bank.started()
    query = await bank.decide(started, "refuse")

    state = await bank.adapter.complete_consent(at(started), query)

    assert state.status is ConsentStatus.REJECTED


async def test_a_consent_page_that_was_left_runs_out(bank: AtBank) -> None:
    started = await bank.started()
    await bank.sandbox.advance(minutes=16)

    state = await bank.adapter.consent_state(at(started))

    # Where nothing can be asked before the browser is back, our own time tells.
    assert state.status is (ConsentStatus.EXPIRED if bank.vendor.cancels else ConsentStatus.AWAITING_AUTHORISATION)


async def test_only_the_chosen_accounts_are_shown(bank: AtBank) -> None:
    started = await bank.consented(bank.all_accounts()[1])

    (account,) = (await bank.adapter.accounts(DNB, started.reference, KARI)).found

    assert account.number.bban == personas()["kari"].at_bank(DNB)[1].bban
    assert account.name == "Sparekonto"
    assert account.owner_name == "Kari Nordmann"
    assert account.number.bban is not None
    assert account.number.iban.startswith("NO")
    assert account.number.iban.endswith(account.number.bban)


async def test_balances_are_booked_and_available_in_minor_units(bank: AtBank) -> None:
    started = await bank.consented()

    read = await bank.adapter.balances(await bank.access(started))
    balances = {balance.type: balance.amount for balance in read.found}

    assert balances[BalanceType.BOOKED].amount_minor == 4_825_050
    assert balances[BalanceType.AVAILABLE].currency == "NOK"


async def test_a_statement_has_the_lines_of_all_its_pages_each_once(bank: AtBank) -> None:
    started = await bank.consented()
    access = await bank.access(started, KARI_ATTENDED)

    statement = await bank.adapter.transactions(access, since=LONG_AGO)

    assert (statement.is_complete, statement.has_pending, statement.since) == (True, True, LONG_AGO)
    assert len(statement.lines) > 2 * PAGE_SIZE
    assert len({line.transaction_id for line in statement.lines}) == len(statement.lines)
    assert min(line.booking_date for line in statement.lines if line.booking_date) >= LONG_AGO


async def test_a_fifth_unattended_read_in_a_day_is_refused_and_an_attended_one_is_not(bank: AtBank) -> None:
    started = await bank.consented()
    access, attended = await bank.access(started), await bank.access(started, KARI_ATTENDED)
    for _ in range(4):
        await bank.adapter.balances(access)

    with pytest.raises(AccessExceeded):
        await bank.adapter.balances(access)
    assert (await bank.adapter.balances(attended)).found
    await bank.sandbox.advance(days=1)
    assert (await bank.adapter.balances(access)).found


async def test_a_revoked_consent_reads_nothing_and_can_be_revoked_again(bank: AtBank) -> None:
    started = await bank.consented()
    await bank.adapter.revoke_consent(at(started))
    await bank.adapter.revoke_consent(at(started))

    with pytest.raises(ConsentLost) as lost:
        await bank.adapter.accounts(DNB, started.reference, KARI)
    assert lost.value.status is ConsentStatus.REVOKED


async def test_a_consent_ends_after_its_last_day(bank: AtBank) -> None:
    started = await bank.consented()
    access = await bank.access(started)
    await bank.sandbox.advance(days=179)

    with pytest.raises(ConsentLost) as lost:
        await bank.adapter.balances(access)
    assert lost.value.status is ConsentStatus.EXPIRED
    assert (await bank.adapter.consent_state(at(started))).status is ConsentStatus.EXPIRED


async def test_a_bank_that_is_away_is_asked_four_times(bank: AtBank, line: Line) -> None:
    access = await bank.access(await bank.consented())
    line.cut()
    before = line.requests

    with pytest.raises(Unavailable):
        await bank.adapter.balances(access)
    assert line.requests - before == 4
