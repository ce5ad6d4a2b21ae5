"""For operators: payments in doubt or overdue, with a line withdrawn or an inferred end that is not watched."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.clock import text_of
from domain.evidence import Waiting
from domain.ids import PaymentId
from domain.payment import Payment
from domain.resolution import Resolution
from routes.openapi_schemas import BOOLEAN, INTEGER, TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, NamedSchema, array, record
from routes.operations import Answer, Body, Operation, in_path
from routes.operator.guard import LIMIT, NO_STORE, limit_of, operator_route
from routes.requests import FORM, read_form
from routes.state import services_of
from services.payments.in_doubt import Doubt


async def in_doubt(request: Request) -> Response:
    """What is in doubt, overdue, withdrawn or watched in vain, oldest first."""
    services = services_of(request)
    found = await services.in_doubt.oldest(limit_of(request))
    proposed = await services.resolutions.of([doubt.payment for doubt in found])
    weighed = [_weighed(doubt, proposed.get(doubt.payment.id)) for doubt in found]
    return JSONResponse({"payments": weighed}, headers=NO_STORE)


async def resolve(request: Request) -> Response:
    """End a doubt by what the bank or card vendor has said, or propose to; the reason is kept."""
    form = await read_form(request)
    payment_id = PaymentId(request.path_params["payment"])
    said = form.get("outcome", ""), form.get("reason", "")
    payment, proposal = await services_of(request).resolutions.say(payment_id, *said)
    status = 200 if proposal is None else 202
    return JSONResponse(_shown(payment, proposal), status_code=status, headers=NO_STORE)


async def approve(request: Request) -> Response:
    """End a doubt as another operator has proposed."""
    form = await read_form(request)
    payment_id = PaymentId(request.path_params["payment"])
    done = await services_of(request).resolutions.approve(payment_id, form.get("outcome", ""))
    return JSONResponse(_shown(done), headers=NO_STORE)


def _weighed(doubt: Doubt, proposal: Resolution | None) -> dict[str, object]:
    lines = [
        {
            "id": line.id,
            "status": line.status,
            "bookingDate": line.booking_date.isoformat(),
            "amountMinor": line.amount.amount_minor,
            "currency": line.amount.currency,
        }
        for line in doubt.like_debits
    ]
    more = {"waitsFor": doubt.waiting, "hasConsent": doubt.has_consent, "likeDebits": lines}
    return {**_shown(doubt.payment, proposal), **more}


def _shown(payment: Payment, proposal: Resolution | None = None) -> dict[str, object]:
    return {
        "id": payment.id,
        "status": payment.status,
        "inDoubt": payment.in_doubt,
        "rail": payment.rail,
        "vendor": payment.vendor,
        "vendorPaymentId": payment.vendor_payment_id,
        "endToEndId": payment.end_to_end_id,
        "createdAt": text_of(payment.created_at),
        "overdueSince": text_of(payment.overdue_since) if payment.overdue_since else None,
        "withdrawnSince": text_of(payment.withdrawn_since) if payment.withdrawn_since else None,
        # Of a payment that has moved on since nothing is proposed any more.
        "proposed": _proposed(proposal) if proposal is not None and proposal.version == payment.version else None,
    }


def _proposed(proposal: Resolution) -> dict[str, object]:
    return {
        "outcome": proposal.outcome,
        "reason": proposal.reason,
        "by": proposal.proposed_by,
        "at": text_of(proposal.proposed_at),
    }


_OUTCOME = {"enum": ["SETTLED", "FAILED"]}
_FIELDS: Mapping[str, Mapping[str, object]] = {
    "id": TEXT,
    "status": TEXT,
    "inDoubt": BOOLEAN,
    "rail": {"enum": ["BANK", "CARD"]},
    "vendor": TEXT,
    "vendorPaymentId": TEXT_OR_NULL,
    "endToEndId": {**TEXT, "description": "Our reference, as the bank knows it."},
    "createdAt": TIME,
    "overdueSince": {**TIME_OR_NULL, "description": "Since when the bank's news of it is overdue."},
    "withdrawnSince": {**TIME_OR_NULL, "description": "Since when the bank lists a line no more that told of it."},
    "proposed": {
        "anyOf": [record({"outcome": _OUTCOME, "reason": TEXT, "by": TEXT, "at": TIME}), {"type": "null"}],
        "description": "What an operator proposes, until another one approves it.",
    },
}
_PAYMENT = NamedSchema("OperatorPayment", record(_FIELDS))
_LINE = record({"id": TEXT, "status": TEXT, "bookingDate": TEXT, "amountMinor": INTEGER, "currency": TEXT})
_DOUBT = NamedSchema(
    "OperatorDoubt",
    record(
        {
            **_FIELDS,
            "waitsFor": {
                "enum": [*Waiting, None],
                "description": "Why its absence from the statement proves nothing yet.",
            },
            "hasConsent": {**BOOLEAN, "description": "Whether an active consent lets Drop look for it in the account."},
            "likeDebits": {**array(_LINE), "description": "Lines since then that may be the payment."},
        }
    ),
)
_REASON = {**TEXT, "minLength": 1, "maxLength": 500, "description": "How it is known; kept in the audit trail."}

ROUTES = [
    operator_route(
        "/api/operator/payments/doubts",
        in_doubt,
        Operation(
            "listDoubts",
            "Payments in doubt or overdue, with a line withdrawn or an inferred end that is not watched (operators)",
            {200: Answer("Oldest first.", record({"payments": array(_DOUBT)}))},
            {400: "`limit` is no number."},
            parameters=(LIMIT,),
        ),
    ),
    operator_route(
        "/api/operator/payments/{payment}/resolve",
        resolve,
        Operation(
            "resolvePayment",
            "End a doubt by what the bank or card vendor has said (operators)",
            {
                200: Answer("As it stands.", _PAYMENT),
                202: Answer("Proposed: another operator approves it, as is asked where it is live.", _PAYMENT),
            },
            {400: "Another outcome, or no reason.", 404: "Unknown.", 409: "It is not in doubt."},
            parameters=(in_path("payment"),),
            body=Body(record({"outcome": _OUTCOME, "reason": _REASON}), FORM),
        ),
        method="POST",
    ),
    operator_route(
        "/api/operator/payments/{payment}/approve",
        approve,
        Operation(
            "approvePaymentResolution",
            "End a doubt as another operator has proposed (operators)",
            {200: Answer("As it stands.", _PAYMENT)},
            {
                400: "Another outcome.",
                404: "Unknown.",
                409: "Nothing or another outcome is proposed, or the payment has changed since.",
            },
            parameters=(in_path("payment"),),
            body=Body(record({"outcome": _OUTCOME}), FORM),
        ),
        method="POST",
    ),
]
