"""The banks: consents, accounts, payments and the ledger. Status words are those of NextGenPSD2 and ISO 20022."""

import hashlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sandbox import scenarios
from sandbox.people import Account, Person, banks, person
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.webhooks import OPEN_BANKING, tell
from sandbox.world import World

OSLO: Final = ZoneInfo("Europe/Oslo")
PAGE_LIFETIME: Final = timedelta(minutes=15)
SETTLES_AFTER: Final = timedelta(seconds=1)
EXECUTES_AT: Final = time(6, 0)
READS_A_DAY: Final = 4
PAGE_SIZE: Final = 25
CONSENT_PAGE_ENDS: Final = "consent_page_ends"
PAYMENT_PAGE_ENDS: Final = "payment_page_ends"
EXECUTE: Final = "execute_payment"
_OPEN_SCA: Final = "received"


# Consents


async def create_consent(world: World, body: Document) -> Document:
    """Register a consent; the user gives it at `scaRedirect`."""
    if body.get("bank") not in banks():
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such bank.")
    holder = await _holder(world, str(body.get("psuId")))
    async with world.store.transaction():
        known = await world.store.by_reference("consent", body["reference"])
        if known is not None:
            return known
        consent = {
            "consentId": f"cons-{await world.store.next_number('consent'):06d}",
            "reference": body["reference"],
            "bank": body["bank"],
            "person": holder.id if holder else None,
            "consentStatus": "received",
            "validUntil": body["validUntil"],
            "redirectUri": body["redirectUri"],
            "accounts": [],
            "reads": {},
            "expires_at": (world.now + PAGE_LIFETIME).isoformat(),
        }
        consent["scaRedirect"] = _page(body["redirectUri"], f"bank/consents/{consent['consentId']}")
        await world.store.put("consent", consent["consentId"], consent, reference=body["reference"])
        ends = {"consent": consent["consentId"]}
        await world.store.schedule(world.now + PAGE_LIFETIME, CONSENT_PAGE_ENDS, ends)
    world.on_scheduled()
    return consent


async def consent_by_id(world: World, identifier: str) -> Document:
    consent = await world.store.get("consent", identifier)
    if consent is None:
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such consent.")
    if consent["consentStatus"] == "valid" and date.fromisoformat(consent["validUntil"]) < _today(world):
        return {**consent, "consentStatus": "expired"}
    return consent


async def decide_consent(world: World, identifier: str, resource_ids: list[str] | None) -> Document:
    """The user approves with the chosen accounts, or refuses (None). Raises Refused where the page is over."""
    async with world.store.transaction():
        consent = await consent_by_id(world, identifier)
        if consent["consentStatus"] != "received":
            raise Refused(409, "STATUS_INVALID", "This page has done its work. Go back to the app.")
        offered = {account.resource_id for account in consent_accounts(consent)}
        if resource_ids is None:
            consent["consentStatus"] = "rejected"
        elif not resource_ids or not set(resource_ids) <= offered:
            raise Refused(400, "FORMAT_ERROR", "Choose at least one of your accounts.")
        else:
            consent |= {"consentStatus": "valid", "accounts": sorted(resource_ids)}
        await _save_consent(world, consent)
        await world.store.forget(CONSENT_PAGE_ENDS, "consent", identifier)
    world.on_scheduled()
    return consent


async def revoke_consent(world: World, identifier: str, status: str = "terminatedByTpp") -> Document:
    async with world.store.transaction():
        consent = await consent_by_id(world, identifier)
        if consent["consentStatus"] in ("received", "valid"):
            consent["consentStatus"] = status
            await _save_consent(world, consent)
    world.on_scheduled()
    return consent


async def end_consent_page(world: World, body: Document) -> None:
    async with world.store.transaction():
        consent = await world.store.get("consent", body["consent"])
        if consent is not None and consent["consentStatus"] == "received":
            consent["consentStatus"] = "expired"
            await _save_consent(world, consent)


def consent_accounts(consent: Document) -> tuple[Account, ...]:
    """What the person holds at the bank of the consent."""
    holder = person(consent["person"]) if consent["person"] else None
    return holder.at_bank(consent["bank"]) if holder else ()


async def _save_consent(world: World, consent: Document) -> None:
    await world.store.put("consent", consent["consentId"], consent)
    payload = {
        "type": "consent.status",
        "consentId": consent["consentId"],
        "reference": consent["reference"],
        "consentStatus": consent["consentStatus"],
    }
    await _notify(world, payload, consent)


# Accounts


async def accounts(world: World, consent_id: str, attended: bool) -> list[Account]:
    consent = await _readable(world, consent_id, "accounts", attended)
    return [account for account in consent_accounts(consent) if account.resource_id in consent["accounts"]]


async def balances(world: World, consent_id: str, resource_id: str, attended: bool) -> tuple[int, int]:
    """Booked and available, in oere."""
    account = await _readable_account(world, consent_id, resource_id, "balances", attended)
    return await _booked(world, account), await available(world, account)


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
    """The account's lines: what waits to be booked, the ledger's bookings, and an invented past."""
    lines = [_reserved_line(world, payment) for payment in await _reserved(world, account)]
    lines += [_booked_line(account, booking) for booking in reversed(await world.store.bookings_of(account.bban))]
    return lines + _past(world, account)


async def _readable(world: World, consent_id: str, what: str, attended: bool) -> Document:
    async with world.store.transaction():
        consent = await consent_by_id(world, consent_id)
        if consent["consentStatus"] != "valid":
            code = "CONSENT_EXPIRED" if consent["consentStatus"] == "expired" else "CONSENT_INVALID"
            raise Refused(401, code, "The consent does not hold.")
        if not attended:
            key = f"{_today(world)}:{what}"
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


async def _booked(world: World, account: Account) -> int:
    moved: int = 0
    for booking in await world.store.bookings_of(account.bban):
        moved -= booking["amount"] if booking["debtor"] == account.bban else 0
        moved += booking["amount"] if booking["creditor"] == account.bban else 0
    return account.opening_minor + moved


async def available(world: World, account: Account) -> int:
    """What is booked less what is on its way out."""
    reserved: int = sum(payment["amount"] for payment in await _reserved(world, account))
    return await _booked(world, account) - reserved


async def _reserved(world: World, account: Account) -> list[Document]:
    return await world.store.of_owner("payment", account.bban)


def _line(identifier: str, status: str, amount: int, day: str, name: str, number: str, **more: object) -> Document:
    return {
        "transactionId": identifier,
        "status": status,
        "amount": amount,
        "bookingDate": day,
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
        _today(world).isoformat(),
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
    today = _today(world)
    lines = []
    for back in range(1, 90):
        day = today - timedelta(days=back)
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


# Payments


async def create_payment(world: World, body: Document) -> Document:
    """Register a payment; the user approves it at `scaRedirect`. The bank has no idempotency key."""
    amount = int(Decimal(body["instructedAmount"]["amount"]) * 100)
    debtor = await _account_by_number(world, str(body["debtorAccount"]["bban"]))
    if debtor is None or debtor[1].bank != body["bank"]:
        raise Refused(400, "RESOURCE_UNKNOWN", "The debtor account is not one of this bank.")
    if amount <= 0 or body["instructedAmount"]["currency"] != "NOK":
        raise Refused(400, "FORMAT_ERROR", "The amount cannot be paid.")
    outcome = scenarios.outcome_of(
        scenarios.BANK, amount_minor=amount, creditor=body["creditorAccount"]["bban"], kid=body.get("kid")
    )
    if outcome == scenarios.DECLINED:
        raise Refused(400, "PAYMENT_FAILED", "The bank does not take this payment.")
    async with world.store.transaction():
        payment = {
            "paymentId": f"obp-{await world.store.next_number('payment'):06d}",
            "endToEndId": body["endToEndIdentification"],
            "bank": body["bank"],
            "debtor": debtor[1].bban,
            "debtorName": debtor[0].name,
            "creditor": body["creditorAccount"]["bban"],
            "creditorName": body["creditorName"],
            "amount": amount,
            "message": body.get("remittanceInformationUnstructured"),
            "kid": body.get("kid"),
            "executionDate": body.get("requestedExecutionDate"),
            "transactionStatus": "RCVD",
            "scaStatus": _OPEN_SCA,
            "reason": None,
            "isScheduled": False,
            "outcome": outcome,
            "delivery": scenarios.delivery_of(scenarios.BANK),
            "fails": outcome == scenarios.FAILS,
            "redirectUri": body["redirectUri"],
        }
        payment["scaRedirect"] = _page(body["redirectUri"], f"bank/payments/{payment['paymentId']}")
        await world.store.put("payment", payment["paymentId"], payment, reference=payment["endToEndId"])
        ends = {"payment": payment["paymentId"]}
        await world.store.schedule(world.now + PAGE_LIFETIME, PAYMENT_PAGE_ENDS, ends)
    world.on_scheduled()
    return payment


async def payment_by_id(world: World, identifier: str) -> Document:
    payment = await world.store.get("payment", identifier)
    if payment is None:
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such payment.")
    return payment


async def payment_by_reference(world: World, end_to_end_id: str) -> Document:
    payment = await world.store.by_reference("payment", end_to_end_id)
    if payment is None:
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such payment.")
    return payment


async def decide_payment(world: World, identifier: str, *, is_approved: bool, fails: bool) -> Document:
    """The user approves or refuses at the bank's page. Raises Refused where the page is over."""
    async with world.store.transaction():
        payment = await payment_by_id(world, identifier)
        if payment["scaStatus"] != _OPEN_SCA or payment["transactionStatus"] != "RCVD":
            raise Refused(409, "STATUS_INVALID", "This page has done its work. Go back to the app.")
        await world.store.forget(PAYMENT_PAGE_ENDS, "payment", identifier)
        if not is_approved:
            _reject(payment, "AUTHORISATION_REFUSED", sca="failed")
        else:
            payment |= {"scaStatus": "finalised", "fails": fails or payment["fails"]}
            await _accept(world, payment)
        await _save_payment(world, payment)
    world.on_scheduled()
    return payment


async def execute(world: World, body: Document) -> None:
    """The bank carries an accepted payment out: the one place where money moves."""
    async with world.store.transaction():
        payment = await payment_by_id(world, body["payment"])
        account = await _account_by_number(world, payment["debtor"])
        assert account is not None
        if payment["transactionStatus"] not in ("ACSP", "ACTC"):
            return
        # A scheduled payment has reserved nothing until its day.
        reserved = payment["amount"] if payment["transactionStatus"] == "ACSP" else 0
        payment["isScheduled"] = False
        if await available(world, account[1]) + reserved < payment["amount"]:
            _reject(payment, "FUNDS_NOT_AVAILABLE")
        elif payment["fails"]:
            _reject(payment, "EXECUTION_FAILED")
        else:
            payment["transactionStatus"] = "ACSC"
            await world.store.book(world.now, _booking(world, payment))
        await _save_payment(world, payment)


async def cancel_payment(world: World, identifier: str, redirect_uri: str) -> Document:
    """Cancelled at once before approval; a scheduled one needs the user. Raises Refused (405) when too late."""
    async with world.store.transaction():
        payment = await payment_by_id(world, identifier)
        if payment["transactionStatus"] == "CANC":
            return payment
        if payment["transactionStatus"] == "RCVD":
            await world.store.forget(PAYMENT_PAGE_ENDS, "payment", identifier)
            payment["transactionStatus"] = "CANC"
            await _save_payment(world, payment)
        elif payment["isScheduled"]:
            payment |= {"cancelRedirectUri": redirect_uri, "cancelSca": _OPEN_SCA}
            await world.store.put("payment", identifier, payment)
            page = _page(payment["redirectUri"], f"bank/payments/{identifier}/cancellation")
            return {**payment, "scaRedirect": page}
        else:
            raise Refused(405, "CANCELLATION_INVALID", "It is too late to cancel.")
    world.on_scheduled()
    return payment


async def decide_cancellation(world: World, identifier: str, *, is_approved: bool) -> Document:
    async with world.store.transaction():
        payment = await payment_by_id(world, identifier)
        if payment.get("cancelSca") != _OPEN_SCA or not payment["isScheduled"]:
            raise Refused(409, "STATUS_INVALID", "This page has done its work. Go back to the app.")
        payment["cancelSca"] = "finalised" if is_approved else "failed"
        if is_approved:
            payment |= {"transactionStatus": "CANC", "isScheduled": False}
            await world.store.forget(EXECUTE, "payment", identifier)
        await _save_payment(world, payment)
    world.on_scheduled()
    return payment


async def end_payment_page(world: World, body: Document) -> None:
    async with world.store.transaction():
        payment = await payment_by_id(world, body["payment"])
        if payment["transactionStatus"] == "RCVD":
            _reject(payment, "AUTHORISATION_EXPIRED", sca="failed")
            await _save_payment(world, payment)


async def _accept(world: World, payment: Document) -> None:
    account = await _account_by_number(world, payment["debtor"])
    assert account is not None
    if payment["executionDate"] is not None and date.fromisoformat(payment["executionDate"]) > _today(world):
        payment |= {"transactionStatus": "ACTC", "isScheduled": True}
        at = datetime.combine(date.fromisoformat(payment["executionDate"]), EXECUTES_AT, OSLO)
        await world.store.schedule(at.astimezone(world.now.tzinfo), EXECUTE, {"payment": payment["paymentId"]})
    elif payment["outcome"] == scenarios.INSUFFICIENT_FUNDS or await available(world, account[1]) < payment["amount"]:
        _reject(payment, "FUNDS_NOT_AVAILABLE")
    else:
        payment["transactionStatus"] = "ACSP"
        await world.store.schedule(world.now + SETTLES_AFTER, EXECUTE, {"payment": payment["paymentId"]})


def _reject(payment: Document, reason: str, sca: str | None = None) -> None:
    payment |= {"transactionStatus": "RJCT", "reason": reason, "scaStatus": sca or payment["scaStatus"]}


def _booking(world: World, payment: Document) -> Document:
    names = ("paymentId", "endToEndId", "debtor", "debtorName", "creditor", "creditorName", "amount", "message", "kid")
    return {**{name: payment[name] for name in names}, "bookingDate": _today(world).isoformat()}


async def _save_payment(world: World, payment: Document) -> None:
    # While it is on its way out, the debtor's account owns it: a reservation.
    owner = payment["debtor"] if payment["transactionStatus"] == "ACSP" else None
    payload = {
        "type": "payment.status",
        "paymentId": payment["paymentId"],
        "endToEndIdentification": payment["endToEndId"],
        "transactionStatus": payment["transactionStatus"],
    }
    await _notify(world, payload, payment)
    await world.store.put("payment", payment["paymentId"], payment, owner=owner)


async def _notify(world: World, payload: Document, about: Document) -> None:
    event_id = f"obe-{await world.store.next_number('event'):08d}"
    await tell(world, OPEN_BANKING, {"eventId": event_id, "occurredAt": world.now.isoformat(), **payload}, about)


def _today(world: World) -> date:
    return world.now.astimezone(OSLO).date()


def _page(redirect_uri: str, path: str) -> str:
    origin = urlsplit(redirect_uri)
    return f"{origin.scheme}://{origin.netloc}/sandbox/{path}"


async def _holder(world: World, identity_number: str) -> Person | None:
    known = await world.store.by_reference("person", identity_number)
    return person(known["id"]) if known else None


async def _account_by_number(world: World, number: str) -> tuple[Person, Account] | None:
    holding = await world.store.get("holding", number)
    holder = person(holding["person"]) if holding else None
    if holder is None:
        return None
    return next((holder, account) for account in holder.accounts if account.bban == number)
