"""What banks of NextGenPSD2 answer, in its own words, from what the sandbox says."""

from collections.abc import Sequence
from typing import Any


def rejected(payment: str, code: str) -> dict[str, Any]:
    """A 201 that is a no: the payment has an id, and is rejected with this code."""
    messages = [{"category": "ERROR", "code": code, "text": "No."}]
    return {"transactionStatus": "RJCT", "paymentId": payment, "tppMessages": messages, "_links": {}}


def statement_of(items: Sequence[Any], following: str | None) -> dict[str, Any]:
    """The object `transactions`: lines by their status, booked where they have none; one link is a string."""
    lists: dict[str, Any] = {"booked": [], "pending": [], "_links": {"account": "/v1/accounts/1"}}
    for item in items:
        status = item.get("status", "booked") if isinstance(item, dict) else "booked"
        told = {name: value for name, value in item.items() if name != "status"} if isinstance(item, dict) else item
        lists[status if status in lists else "booked"].append(told)
    if following is not None:
        lists["_links"]["next"] = {"href": f"transactions?page={following}"}
    return lists


def bank_transaction(item: dict[str, Any]) -> dict[str, Any]:
    is_debit = item["transactionAmount"]["amount"].startswith("-")
    name, number = ("creditorName", "creditorAccount") if is_debit else ("debtorName", "debtorAccount")
    amount = item["transactionAmount"]
    return {
        "transactionId": item["transactionId"],
        "bookingDate": item["bookingDate"],
        # Some banks leave the sign out: who was paid tells.
        "transactionAmount": {**amount, "amount": amount["amount"].removeprefix("-")},
        name: item["counterpartyName"],
        number: {"bban": item["counterpartyAccount"]},
        "remittanceInformationUnstructured": item["remittanceInformationUnstructured"],
        "endToEndId": item["endToEndId"],
    }
