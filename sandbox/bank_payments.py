"""Payments at the banks, and the ledger of what a bank has booked. Status words are ISO 20022's."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from holidays import country_holidays

from sandbox import in_app, scenarios
from sandbox.bank import OSLO, PAGE_LIFETIME, account_by_number, notify, page_url, today
from sandbox.bank_accounts import available
from sandbox.problems import Refused
from sandbox.store import Document
from sandbox.world import World

SETTLES_AFTER: Final = timedelta(seconds=1)
EXECUTES_AT: Final = time(6, 0)
PAYMENT_PAGE_ENDS: Final = "payment_page_ends"
EXECUTE: Final = "execute_payment"
_OPEN_SCA: Final = "received"
_SATURDAY: Final = 5
_ABOUT: Final = "betalingen"
_LONGEST_NAME: Final = 70
_LONGEST_MESSAGE: Final = 140
_CLOSED: Final = country_holidays("NO")


async def create_payment(world: World, body: Document) -> Document:
    """Register a payment; the user approves it at `scaRedirect`. The bank has no idempotency key."""
    amount = int(Decimal(body["instructedAmount"]["amount"]) * 100)
    debtor = await account_by_number(world, str(body["debtorAccount"]["bban"]))
    if debtor is None or debtor[1].bank != body["bank"]:
        raise Refused(400, "RESOURCE_UNKNOWN", "The debtor account is not one of this bank.")
    if amount <= 0 or body["instructedAmount"]["currency"] != "NOK":
        raise Refused(400, "FORMAT_ERROR", "The amount cannot be paid.")
    _require_texts(body["creditorName"], body.get("remittanceInformationUnstructured"), body.get("kid"))
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
            "scaExpiresAt": (world.now + PAGE_LIFETIME).isoformat(),
            "reason": None,
            "isScheduled": False,
            "outcome": outcome,
            "delivery": scenarios.delivery_of(scenarios.BANK),
            "fails": outcome == scenarios.FAILS,
            "redirectUri": body["redirectUri"],
        }
        payment |= in_app.of_outcome(outcome, _ABOUT)
        payment["scaRedirect"] = page_url(body["redirectUri"], f"bank/payments/{payment['paymentId']}")
        await world.store.put("payment", payment["paymentId"], payment, reference=payment["endToEndId"])
        if outcome == scenarios.EXEMPTED:
            payment["scaStatus"] = "exempted"
            await _accept(world, payment)
            await _save_payment(world, payment)
        else:
            ends = {"payment": payment["paymentId"]}
            await world.store.schedule(world.now + PAGE_LIFETIME, PAYMENT_PAGE_ENDS, ends)
    world.on_scheduled()
    return _as_shown(world, payment)


def _require_texts(name: str, message: str | None, kid: str | None) -> None:
    """Norwegian banks take the letters of ISO 8859-1, and a KID or a message."""
    texts = f"{name}{message or ''}"
    is_latin = all(one.isascii() or ("\u00c0" <= one <= "\u00ff" and one.isalpha()) for one in texts)
    if not is_latin or not texts.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise Refused(400, "FORMAT_ERROR", "The bank does not take these characters.")
    if len(message or "") > _LONGEST_MESSAGE or (message and kid):
        raise Refused(400, "FORMAT_ERROR", "The bank takes a KID or one message.")


async def payment_by_id(world: World, identifier: str) -> Document:
    payment = await world.store.get("payment", identifier)
    if payment is None or payment.get("isForgotten"):
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such payment.")
    return _as_shown(world, payment)


async def payment_by_reference(world: World, end_to_end_id: str) -> Document:
    payment = await world.store.by_reference("payment", end_to_end_id)
    if payment is None or payment.get("isForgotten"):
        raise Refused(404, "RESOURCE_UNKNOWN", "There is no such payment.")
    return _as_shown(world, payment)


async def choose_method(world: World, identifier: str, method: str) -> Document:
    """The user's choice of the app in which they approve."""
    async with world.store.transaction():
        payment = in_app.chosen(await payment_by_id(world, identifier), method, _ABOUT)
        await world.store.put("payment", identifier, payment)
    return _as_shown(world, payment)


async def decide_payment(world: World, identifier: str, *, is_approved: bool, fails: bool) -> Document:
    """The user approves or refuses on the bank's page. Raises Refused where the page is closed."""
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
    """The bank executes an accepted payment. Only here does money move between accounts."""
    async with world.store.transaction():
        payment = await payment_by_id(world, body["payment"])
        account = await account_by_number(world, payment["debtor"])
        assert account is not None
        if payment["transactionStatus"] not in ("ACSP", "ACTC"):
            return
        # Until its day a scheduled payment reserves nothing.
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
    """Cancel at once before the approval; cancelling a scheduled payment needs the user.

    Raises Refused (405) when too late.
    """
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
            page = page_url(payment["redirectUri"], f"bank/payments/{identifier}/cancellation")
            return {**payment, "scaRedirect": page}
        else:
            raise Refused(405, "CANCELLATION_INVALID", "It is too late to cancel.")
    world.on_scheduled()
    return payment


async def withdraw(world: World, identifier: str) -> None:
    """Cancel a payment that was not carried out, without its user."""
    async with world.store.transaction():
        payment = await payment_by_id(world, identifier)
        await _save_payment(world, payment | {"transactionStatus": "CANC", "isScheduled": False})


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
        if payment["transactionStatus"] != "RCVD":
            return
        _reject(payment, "AUTHORISATION_EXPIRED", sca="failed")
        if payment["outcome"] == scenarios.FORGOTTEN:
            # Nobody is told.
            await world.store.put("payment", payment["paymentId"], {**payment, "isForgotten": True})
        else:
            await _save_payment(world, payment)


def _as_shown(world: World, payment: Document) -> Document:
    return in_app.shown(world, payment, payment["scaExpiresAt"])


async def _accept(world: World, payment: Document) -> None:
    account = await account_by_number(world, payment["debtor"])
    assert account is not None
    if payment["executionDate"] is not None and date.fromisoformat(payment["executionDate"]) > today(world):
        payment |= {"transactionStatus": "ACTC", "isScheduled": True}
        at = datetime.combine(_banking_day_from(date.fromisoformat(payment["executionDate"])), EXECUTES_AT, OSLO)
        await world.store.schedule(at.astimezone(world.now.tzinfo), EXECUTE, {"payment": payment["paymentId"]})
    elif payment["outcome"] == scenarios.INSUFFICIENT_FUNDS or await available(world, account[1]) < payment["amount"]:
        _reject(payment, "FUNDS_NOT_AVAILABLE")
    else:
        payment["transactionStatus"] = "ACSP"
        await world.store.schedule(world.now + SETTLES_AFTER, EXECUTE, {"payment": payment["paymentId"]})


def _banking_day_from(day: date) -> date:
    """Norwegian banks carry out on their next open day what was meant for a closed one."""
    while day.weekday() >= _SATURDAY or day in _CLOSED:
        day += timedelta(days=1)
    return day


def _reject(payment: Document, reason: str, sca: str | None = None) -> None:
    payment |= {"transactionStatus": "RJCT", "reason": reason, "scaStatus": sca or payment["scaStatus"]}


def _booking(world: World, payment: Document) -> Document:
    names = ("paymentId", "endToEndId", "debtor", "debtorName", "creditor", "creditorName", "amount", "message", "kid")
    return {**{name: payment[name] for name in names}, "bookingDate": today(world).isoformat()}


async def _save_payment(world: World, payment: Document) -> None:
    # A payment under way belongs to the debtor's account, which it reserves money of.
    owner = payment["debtor"] if payment["transactionStatus"] == "ACSP" else None
    payload = {
        "type": "payment.status",
        "paymentId": payment["paymentId"],
        "endToEndIdentification": payment["endToEndId"],
        "transactionStatus": payment["transactionStatus"],
    }
    await notify(world, payload, payment)
    await world.store.put("payment", payment["paymentId"], payment, owner=owner)
