"""One bank that is silent or fails, behind every vendor that reaches several: calls to the other banks go on."""

from collections.abc import Callable
from datetime import date

import pytest

from domain.device import Device
from domain.errors import Unavailable
from domain.ids import BankId, ConsentId
from providers.open_banking.port import ConsentRequest, Psu
from sandbox.people import personas
from tests.builders.gateway import BASE
from tests.builders.sandbox import Sandbox
from tests.contract.banks import BankVendor, a_direct_bank, a_mock, an_enable_banking, an_open_payments

# How each vendor's requests name the bank.
DNB = (b"DNBANOKK", b'"DNB"', b"/bank_dnb/", b'"bank_dnb"')


@pytest.fixture(params=[a_mock, an_open_payments, an_enable_banking, a_direct_bank])
async def bank(sandbox: Sandbox, request: pytest.FixtureRequest) -> BankVendor:
    await sandbox.sign_in("kari")
    build: Callable[[Sandbox], BankVendor] = request.param
    return build(sandbox)


async def consent(bank: BankVendor, bank_id: str) -> None:
    psu = Psu(personas()["kari"].identity_number, Device("192.0.2.1", "Phone/1"))
    back = f"{BASE}/api/openbanking/callback?state=s"
    await bank.accounts.start_consent(ConsentRequest(ConsentId("cns_1"), BankId(bank_id), psu, back, date(2027, 5, 20)))


async def test_a_silent_bank_is_left_alone_and_the_others_are_not(bank: BankVendor, sandbox: Sandbox) -> None:
    await bank.accounts.list_banks("NO")
    sandbox.line.is_silent_to(*DNB)
    for _ in range(8):
        with pytest.raises(Unavailable):
            await consent(bank, "bank_dnb")
    sandbox.line.mend()
    sent = sandbox.line.requests

    with pytest.raises(Unavailable):
        await consent(bank, "bank_dnb")
    assert sandbox.line.requests == sent
    await consent(bank, "bank_nordea")
