"""What the banks show of accounts under a consent: balances and statement lines, booked and reserved."""

import hashlib
from datetime import date, timedelta
from typing import Final

from sandbox.bank import today
from sandbox.bank_consents import consent_accounts, consent_by_id
from sandbox.people import Account
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

READS_A_DAY: Final = 4
PAGE_SIZE: Final = 25


async def accounts(world: World, consent_id: str, attended: bool) -> list[Account]:
    consent = await _readable(world, consent_id, "accounts", attended)
    return [account for account in consent_accounts(consent) if account.resource_id in consent["accounts"]]


async def balances(world: World, consent_id: str, resource_id: str, attended: bool) -> tuple[int, int]:
    """Booked and available, in oere."""
    account = await _readable_account(world, consent_id, resource_id, "balances", attended)
    return await booked(world, account), await available(world, account)


async def transactions(
    world: World, consent_id: str, resource_id: str, page: int, since: date, attended: bool
) -> tuple[list[Document], int | None]:
    """Newest first, with the number of the next page."""
    account = await _readable_account(world, consent_id, resource_id, f"transactions:{page}", attended)
    lines = [line for line in await statement(world, account) if line["bookingDate"] >= since.isoformat()]
    start = page * PAGE_SIZE
    following = page + 1 if start + PAGE_SIZE < len(lines) else None
    return lines[start : start + PAGE_SIZE], following


async def statement(world: World, account: Account) -> list[Document]:
    """The account's lines: reserved payments, the ledger's bookings, and an invented past."""
    lines = [_reserved_line(world, payment) for payment in await _reserved(world, account)]
    booked_lines = [_booked_line(account, one) for one in reversed(await world.store.bookings_of(account.bban))]
    past = [*booked_lines, *_past(world, account)]
    return lines + sorted(past, key=lambda line: line["bookingDate"], reverse=True)


async def _readable(world: World, consent_id: str, what: str, attended: bool) -> Document:
    async with world.store.transaction():
        consent = await consent_by_id(world, consent_id)
        if consent["consentStatus"] != "valid":
            code = "CONSENT_EXPIRED" if consent["consentStatus"] == "expired" else "CONSENT_INVALID"
            raise Refused(401, code, "The consent does not hold.")
        if not attended:
            key = f"{today(world)}:{what}"
            used = consent["reads"].get(key, 0)
            if used >= READS_A_DAY:
                raise Refused(429, "ACCESS_EXCEEDED", "Four readings a day without the user are allowed.")
            consent["reads"] = {**consent["reads"], key: used + 1}
            await world.store.put("consent", consent_id, consent)
    return consent


async def _readable_account(world: World, consent_id: str, resource_id: str, what: str, attended: bool) -> Account:
    consent = await _readable(world, consent_id, f"{resource_id}:{what}", attended)
    for account in consent_accounts(consent):
        if account.resource_id == resource_id and resource_id in consent["accounts"]:
            return account
    raise Refused(404, "RESOURCE_UNKNOWN", "The consent covers no such account.")


async def booked(world: World, account: Account) -> int:
    """The balance by the ledger, in oere."""
    moved: int = 0
    for booking in await world.store.bookings_of(account.bban):
        moved -= booking["amount"] if booking["debtor"] == account.bban else 0
        moved += booking["amount"] if booking["creditor"] == account.bban else 0
    return account.opening_minor + moved


async def available(world: World, account: Account) -> int:
    """The booked balance less the reserved payments, in oere."""
    reserved: int = sum(payment["amount"] for payment in await _reserved(world, account))
    return await booked(world, account) - reserved


async def _reserved(world: World, account: Account) -> list[Document]:
    return await world.store.of_owner("payment", account.bban)


def _line(identifier: str, status: str, amount: int, day: str, name: str, number: str, **more: object) -> Document:
    return {
        "transactionId": identifier,
        "status": status,
        "amount": amount,
        "bookingDate": day,
        "valueDate": day,
        "counterpartyName": name,
        "counterpartyAccount": number,
        "message": None,
        "kid": None,
        "endToEndId": None,
        **more,
    }


def _booked_line(account: Account, booking: Document) -> Document:
    is_debit = booking["debtor"] == account.bban
    return _line(
        f"tx-{booking['paymentId']}",
        "booked",
        -booking["amount"] if is_debit else booking["amount"],
        booking["bookingDate"],
        booking["creditorName"] if is_debit else booking["debtorName"],
        booking["creditor"] if is_debit else booking["debtor"],
        message=booking["message"],
        kid=booking["kid"],
        endToEndId=booking["endToEndId"],
    )


def _reserved_line(world: World, payment: Document) -> Document:
    return _line(
        f"tx-{payment['paymentId']}",
        "pending",
        -payment["amount"],
        today(world).isoformat(),
        payment["creditorName"],
        payment["creditor"],
        message=payment["message"],
        kid=payment["kid"],
        endToEndId=payment["endToEndId"],
    )


_SHOPS: Final = (
    ("Rema 1000", 28_940, 4),
    ("Ruter", 8_970, 6),
    ("Kiwi", 19_355, 3),
    ("Vinmonopolet", 32_990, 11),
    ("Husleie Fjordgata 4", 1_250_000, 30),
    ("Telenor", 44_900, 30),
    ("Narvesen", 6_700, 5),
)


def _past(world: World, account: Account) -> list[Document]:
    """Ninety days of everyday purchases, the same on every run. They lie before the opening balance."""
    opened = date(2026, 1, 1)
    lines = []
    for back in range(1, 90):
        day = today(world) - timedelta(days=back)
        if day < opened - timedelta(days=90):
            break
        for index, (shop, amount, every) in enumerate(_SHOPS):
            if (day.toordinal() + index) % every == 0:
                spread = day.toordinal() * 37 % 900
                key = f"{account.bban}:{day}:{index}"
                identifier = f"tx-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
                number = f"1503{index:06d}0"
                lines.append(_line(identifier, "booked", -(amount + spread), day.isoformat(), shop, number))
    return lines
