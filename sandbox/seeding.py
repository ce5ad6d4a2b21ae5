"""What only tests want of the banks: an account as ordered, a payment carried out at once, a person begun anew."""

from datetime import timedelta
from typing import Final

from sandbox.bank import holder_of, today
from sandbox.bank_accounts import booked
from sandbox.bank_payments import EXECUTE, PAYMENT_PAGE_ENDS, execute, payment_by_id, withdraw
from sandbox.people import Account, Person
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

# As far back as the invented past goes.
_OLDEST: Final = timedelta(days=89)
_OWN: Final = "15030000000"


async def furnish(world: World, body: Document) -> Document:
    """Book lines on the first account that a person has at a bank, then what its balance lacks of the ordered one."""
    holder, account = await _first_account(world, str(body.get("psuId")), str(body.get("bank")))
    async with world.store.transaction():
        for line in body["transactions"]:
            await _book(world, holder, account, line)
        if body.get("balanceMinor") is not None:
            missing = body["balanceMinor"] - await booked(world, account)
            opening = {"amountMinor": missing, "counterparty": "Inngående saldo", "account": _OWN}
            day = (today(world) - _OLDEST).isoformat()
            if missing:
                await _book(world, holder, account, {**opening, "bookingDate": day})
    return {}


async def execute_now(world: World, identifier: str) -> Document:
    """Carry an approved payment out without the pause; one that is scheduled waits for its day."""
    payment = await payment_by_id(world, identifier)
    if not payment["isScheduled"]:
        await execute(world, {"payment": identifier})
        async with world.store.transaction():
            await world.store.forget(EXECUTE, "payment", identifier)
    world.on_scheduled()
    return await payment_by_id(world, identifier)


async def end_payment(world: World, identifier: str) -> Document:
    """Carry out what is under way, and cancel what waits for its user or its day."""
    payment = await execute_now(world, identifier)
    if payment["transactionStatus"] in ("RCVD", "ACTC"):
        await withdraw(world, identifier)
        async with world.store.transaction():
            for what in (EXECUTE, PAYMENT_PAGE_ENDS):
                await world.store.forget(what, "payment", identifier)
    world.on_scheduled()
    return await payment_by_id(world, identifier)


async def find_person(world: World, body: Document) -> Document:
    """Who a customer is, by the identity number that BankID tells."""
    holder = await holder_of(world, str(body.get("psuId")))
    if holder is None:
        raise Refused(404, "RESOURCE_UNKNOWN", "The banks do not know this person.")
    return {"id": holder.id}


async def forget_person(world: World, body: Document) -> Document:
    """Take away what was booked on a person's accounts, so that they stand as at the start."""
    holder = await holder_of(world, str(body.get("psuId")))
    if holder is not None:
        async with world.store.transaction():
            for account in holder.accounts:
                await world.store.unbook(account.bban)
    return {}


async def _first_account(world: World, identity_number: str, bank: str) -> tuple[Person, Account]:
    holder = await holder_of(world, identity_number)
    held = holder.at_bank(bank) if holder else ()
    if holder is None or not held:
        raise Refused(404, "RESOURCE_UNKNOWN", "The person has no account at this bank.")
    return holder, held[0]


async def _book(world: World, holder: Person, account: Account, line: Document) -> None:
    amount, other = line["amountMinor"], (line["account"], line["counterparty"])
    own = (account.bban, holder.name)
    debtor, creditor = (other, own) if amount > 0 else (own, other)
    number = await world.store.next_number("seeded")
    booking = {
        "paymentId": f"seed-{number:06d}",
        "endToEndId": None,
        "debtor": debtor[0],
        "debtorName": debtor[1],
        "creditor": creditor[0],
        "creditorName": creditor[1],
        "amount": abs(amount),
        "message": line.get("message"),
        "kid": None,
        "bookingDate": line.get("bookingDate") or today(world).isoformat(),
    }
    await world.store.book(world.now, booking)
