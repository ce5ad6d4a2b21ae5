"""What vendors' webhooks tell, in a data export, the person whom they are about."""

from typing import Any

import orjson
import pytest

from providers.registry import PORTS, TOLD_WEBHOOKS

STRIPE = {
    "type": "charge.succeeded",
    "data": {
        "object": {
            "id": "ch_1",
            "amount": 100,
            "outcome": {"risk_level": "elevated", "risk_score": 71},
            "fraud_details": {"stripe_report": "fraudulent"},
        }
    },
}
SUMSUB = {
    "type": "applicantReviewed",
    "applicantId": "5cb5",
    "reviewResult": {"rejectLabels": ["SANCTIONS"], "moderationComment": "PEP"},
}
MAIL = {"event": "delivered", "email": "kari@example.no", "sg_event_id": "1", "note": "of an operator"}
BANK = {"type": "payment.status", "paymentId": "p-1", "transactionStatus": "ACSC", "fraudScore": 9}
NOTIFICATION = {"about": "D-1", "notification": {"transactionStatus": "RJCT", "reason": "on a list"}}


@pytest.mark.parametrize(
    ("address", "raw", "told"),
    [
        ("stripe", STRIPE, {"type": "charge.succeeded", "data.object.id": "ch_1", "data.object.amount": 100}),
        ("sumsub", SUMSUB, {"type": "applicantReviewed", "applicantId": "5cb5"}),
        ("sendgrid", MAIL, {"event": "delivered", "email": "kari@example.no"}),
        ("openbanking", BANK, {"type": "payment.status", "paymentId": "p-1", "transactionStatus": "ACSC"}),
        ("openbanking", NOTIFICATION, {"about": "D-1", "notification.transactionStatus": "RJCT"}),
        *[
            ("stripe", {**STRIPE, "type": kind}, None)
            for kind in ("review.opened", "radar.early_fraud_warning.created")
        ],
        *[("sumsub", {**SUMSUB, "type": kind}, None) for kind in ("applicantOnHold", "kytTransactionRejected")],
        ("sumsub", [], None),
        ("sumsub", {"type": 1}, None),
    ],
)
def test_only_what_is_listed_is_told_and_nothing_of_a_suspicion(
    address: str, raw: Any, told: dict[str, object] | None
) -> None:
    assert TOLD_WEBHOOKS[address](orjson.dumps(raw)) == told


def test_a_form_is_read_as_well() -> None:
    told = TOLD_WEBHOOKS["twilio"](b"MessageSid=SM1&MessageStatus=delivered&To=%2B4790000001&FraudGuard=1")

    assert told == {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+4790000001"}


def test_each_address_of_webhooks_says_what_it_tells() -> None:
    reporting = ("kyc", "open_banking", "card_payments", "email", "sms")

    addresses = {vendor.webhook_address for name in reporting for vendor in PORTS[name].vendors}
    assert addresses - {"smtp"} == set(TOLD_WEBHOOKS)
