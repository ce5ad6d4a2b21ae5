"""Banks that Enable Banking knows by name and country alone."""

from pathlib import Path

from tests.builders.gateway import CONNECT, payment_of
from tests.builders.odd_banks import odd_bank

BANKS = "{ banks { id name bic } }"


async def test_a_bank_without_a_bic_is_connected_read_and_paid_from(database_url: str, tmp_path: Path) -> None:
    async with odd_bank("enable_banking", database_url, tmp_path) as bank:
        bank.face.bics["DNB"] = None
        listed = (await bank.kari.ask(BANKS))["banks"]
        connected = (await bank.kari.ask(CONNECT, bank="bank_no_dnb"))["connectBank"]
        await bank.visit(connected["authorisationUrl"])
        errors = await bank.refresh()
        payment = await bank.pay()
        await bank.visit(payment["authorisationUrl"])
        await bank.pass_time(hours=2)

        assert {"id": "bank_no_dnb", "name": "DNB", "bic": ""} in listed
        assert ((await bank.link())["status"], errors) == ("ACTIVE", [])
        assert ((await payment_of(bank.kari, payment["id"]))["status"], await bank.booked()) == ("SETTLED", 1)
